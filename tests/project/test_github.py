"""Workflows and forms: what CI runs is what a person runs, on the Pythons that are allowed, with no right to write."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.canary.__main__ import LEFT_OUT, WITHIN

ROOT = Path(__file__).parents[2]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
FORMS = sorted(path for path in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")

workflows = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: str(path.stem))


def read(path: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")))


def commands(path: Path) -> list[str]:
    """What a workflow runs, in order."""
    return [step["run"] for job in read(path)["jobs"].values() for step in job["steps"] if "run" in step]


@workflows
def test_a_workflow_ends_with_a_target_of_the_makefile_and_does_nothing_of_its_own(path: Path) -> None:
    *before, last = commands(path)
    assert before == ["sudo apt-get update --quiet && sudo apt-get install --yes --quiet libnuma1"]
    assert last in ("make test", "make canary", "make audit")
    assert re.search(rf"^{last.removeprefix('make ')}:", MAKEFILE, re.MULTILINE)


@workflows
def test_a_workflow_may_only_read_and_has_an_end(path: Path) -> None:
    workflow = read(path)
    assert workflow["permissions"] == {"contents": "read"}
    assert all(0 < job["timeout-minutes"] <= 90 for job in workflow["jobs"].values())


@workflows
def test_actions_of_others_are_pinned_by_commit_and_leave_no_credentials(path: Path) -> None:
    steps = [step for job in read(path)["jobs"].values() for step in job["steps"] if "uses" in step]
    assert [step["uses"] for step in steps if not re.search(r"@[0-9a-f]{40}$", step["uses"])] == []
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if "uses:" in line]
    assert all(re.search(r" # v\d+\.\d+\.\d+$", line) for line in lines), "Dependabot moves both"
    assert [step["with"]["persist-credentials"] for step in steps if "checkout" in step["uses"]] == [False]


def test_the_oldest_and_the_newest_python_are_tried() -> None:
    allowed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    low, above = re.fullmatch(r">=3\.(\d+),<3\.(\d+)", allowed).groups()  # type: ignore[union-attr]
    matrix = read(GITHUB / "workflows/test.yml")["jobs"]["test"]["strategy"]["matrix"]
    assert matrix["python"] == [f"3.{low}", f"3.{int(above) - 1}"]


def test_the_canary_has_tests_to_ask() -> None:
    assert "-m tests.canary" in MAKEFILE
    assert all((ROOT / name).exists() for name in (*WITHIN, *LEFT_OUT))


@pytest.mark.parametrize("path", FORMS, ids=lambda path: str(path.stem))
def test_a_form_can_be_filled_in(path: Path) -> None:
    form = read(path)
    assert form["name"] and form["description"] and form["labels"]
    fields = [part for part in form["body"] if part["type"] != "markdown"]
    assert {part["type"] for part in fields} <= {"checkboxes", "dropdown", "input", "textarea"}
    assert len({part["id"] for part in fields}) == len(fields)
    assert all(part["attributes"]["label"] for part in fields)


def test_there_is_a_form_for_a_leak_and_one_for_a_false_rewind() -> None:
    assert [path.stem for path in FORMS] == ["false-rewind", "leak"]
    assert "privately" in FORMS[1].read_text(encoding="utf-8")


def test_what_holds_the_promise_is_owned_by_name() -> None:
    lines = (GITHUB / "CODEOWNERS").read_text(encoding="utf-8").splitlines()
    owners = dict(line.split() for line in lines if not line.startswith("#"))
    assert owners["/server/guard/"] == owners["/server/policy/"] != owners["*"]
    assert [pattern for pattern in owners if pattern != "*" and not (ROOT / pattern.strip("/")).exists()] == []
