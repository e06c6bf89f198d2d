"""The alert rules, judged by Prometheus' own tool, and the runbooks that they point to."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.tools import tool

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy/monitoring/prometheus"
OPERATIONS = (ROOT / "docs/operations.md").read_text()
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"] for rule in group["rules"]
]

every_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))


def promtool(*arguments: str) -> str:
    """What promtool says in our Prometheus folder; fails where promtool does."""
    done = subprocess.run([tool("promtool"), *arguments], cwd=FOLDER, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def sections() -> dict[str, str]:
    """The sections of docs/operations.md by their anchor, as hosts of Markdown make it from a heading."""
    parts = re.split(r"^#+ (.+)$", OPERATIONS, flags=re.MULTILINE)
    anchors = (re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in parts[1::2])
    return dict(zip(anchors, parts[2::2], strict=True))


def test_promtool_reads_the_rules() -> None:
    assert f"{len(RULES)} rules found" in promtool("check", "rules", "alerts.yml")


def test_promtool_reads_the_configuration_and_finds_the_rules() -> None:
    assert "1 rule files found" in promtool("check", "config", "prometheus.yml")


def test_every_alert_fires_when_it_should_and_not_before() -> None:
    promtool("test", "rules", "alerts_test.yml")


@every_rule
def test_an_alert_is_seen_to_fire_and_not_to_fire(rule: dict[str, Any]) -> None:
    tests = yaml.safe_load((FOLDER / "alerts_test.yml").read_text())["tests"]
    cases = [case for test in tests for case in test["alert_rule_test"] if case["alertname"] == rule["alert"]]
    assert {bool(case["exp_alerts"]) for case in cases} == {True, False}


@every_rule
def test_an_alert_says_how_grave_it_is_what_happened_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"critical", "warning"}
    notes = rule["annotations"]
    assert notes["summary"]
    assert notes["description"].endswith(".")
    page, _, anchor = notes["runbook"].partition("#")
    assert (ROOT / page).is_file()
    assert anchor == rule["alert"].lower()
    assert len(sections()[anchor].split()) > 20


@every_rule
def test_the_runbook_gives_the_severity_of_the_rule(rule: dict[str, Any]) -> None:
    text = sections()[rule["alert"].lower()].strip()
    assert text.startswith(f"{rule['labels']['severity'].capitalize()}. ")


def test_no_runbook_is_without_an_alert() -> None:
    headings = set(re.findall(r"^### (\w+)$", OPERATIONS, re.MULTILINE))
    assert headings == {rule["alert"] for rule in RULES}


def test_links_within_the_operations_page_lead_somewhere() -> None:
    assert set(re.findall(r"\]\(#([\w-]+)\)", OPERATIONS)) <= set(sections())
