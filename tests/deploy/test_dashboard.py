"""The Grafana dashboard: layout, variables, and that every metric it asks for is one that somebody publishes."""

import importlib.util
import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from server.telemetry.metrics import Metrics

ROOT = Path(__file__).parents[2]
GRAFANA = ROOT / "deploy/monitoring/grafana"
DASHBOARD = json.loads((GRAFANA / "dashboards/unsay.json").read_text())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
VARIABLES: dict[str, dict[str, Any]] = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
ALERTS = yaml.safe_load((ROOT / "deploy/monitoring/prometheus/alerts.yml").read_text())
SERIES = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"], "gauge": [""]}

graphs = pytest.mark.parametrize(
    "panel", [p for p in PANELS if p["type"] != "row"], ids=lambda panel: str(panel["title"])
)


def ours() -> set[str]:
    """The names of the series that unsay publishes."""
    registry = CollectorRegistry()
    Metrics(registry)
    return {family.name + end for family in registry.collect() for end in SERIES[family.type]}


def vllms() -> set[str]:
    """The names of the series that vLLM publishes, read from its source: importing vLLM takes seconds."""
    package = importlib.util.find_spec("vllm")
    assert package is not None
    assert package.submodule_search_locations is not None
    source = (Path(package.submodule_search_locations[0]) / "v1/metrics/loggers.py").read_text()
    found = re.findall(r'_(counter|gauge|histogram)_cls\(\s*name="(vllm:[a-z_]+)"', source)
    return {name + end for kind, name in found for end in SERIES[kind]}


def expressions() -> list[str]:
    """All PromQL of the dashboard, its variables and the alerts."""
    panels = [target["expr"] for panel in PANELS for target in panel.get("targets", [])]
    variables = [v["query"]["query"] for v in VARIABLES.values() if v["type"] == "query"]
    return panels + variables + [rule["expr"] for group in ALERTS["groups"] for rule in group["rules"]]


def overlap(a: dict[str, int], b: dict[str, int]) -> bool:
    across = a["x"] < b["x"] + b["w"] and b["x"] < a["x"] + a["w"]
    return across and a["y"] < b["y"] + b["h"] and b["y"] < a["y"] + a["h"]


def test_every_metric_that_is_asked_for_is_published() -> None:
    asked = set(re.findall(r"\b(?:unsay_|vllm:)[a-z_]+", "\n".join(expressions())))
    published = ours() | vllms()
    assert any(name.startswith("vllm:") for name in asked)
    assert asked <= published, asked - published


def test_every_metric_of_ours_is_on_the_dashboard() -> None:
    text = "\n".join(target["expr"] for panel in PANELS for target in panel.get("targets", []))
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in ours()}
    assert {name for name in families if name not in text} == set()


def test_panel_ids_are_unique() -> None:
    ids = [panel["id"] for panel in PANELS]
    assert len(ids) == len(set(ids))


def test_panels_lie_on_the_grid_and_not_on_each_other() -> None:
    places = {panel["id"]: panel["gridPos"] for panel in PANELS}
    assert all(place["x"] >= 0 and place["x"] + place["w"] <= 24 for place in places.values())
    assert [(a, b) for a, b in combinations(places, 2) if overlap(places[a], places[b])] == []


def test_rows_divide_the_panels_by_subject() -> None:
    rows = [panel["title"] for panel in PANELS if panel["type"] == "row"]
    assert rows == ["Now", "Toxicity", "Rewinds and what came of them", "Added latency", "Scorer", "vLLM", "Server"]
    assert PANELS[0]["type"] == "row"


@graphs
def test_a_panel_says_what_it_shows_and_in_which_unit(panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"] in {"percentunit", "s", "short", "none"}


@graphs
def test_a_panel_reads_the_chosen_data_source(panel: dict[str, Any]) -> None:
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    assert panel["datasource"] == chosen
    assert [target["datasource"] for target in panel["targets"]] == [chosen] * len(panel["targets"])
    assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


@graphs
def test_a_panel_uses_variables_that_exist(panel: dict[str, Any]) -> None:
    used = set(re.findall(r"\$\{?([a-z]\w*)", json.dumps(panel)))
    assert used <= set(VARIABLES)


def test_data_source_policy_and_model_can_be_chosen() -> None:
    assert VARIABLES["datasource"]["type"] == "datasource"
    assert VARIABLES["datasource"]["query"] == "prometheus"
    for name in ("policy", "model"):
        assert (VARIABLES[name]["includeAll"], VARIABLES[name]["allValue"]) == (True, ".*")
        assert any(f'=~"${name}"' in expression for expression in expressions())


def test_grafana_is_told_where_the_dashboard_and_prometheus_are() -> None:
    environment = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())["services"]
    mounts = dict(mount.split(":")[:2] for mount in environment["grafana"]["volumes"])
    (provider,) = yaml.safe_load((GRAFANA / "provisioning/dashboards/unsay.yaml").read_text())["providers"]
    assert provider["options"]["path"] == mounts["./monitoring/grafana/dashboards"]
    home = environment["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{provider['options']['path']}/unsay.json"
    (source,) = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yaml").read_text())["datasources"]
    assert (source["type"], source["url"], source["isDefault"]) == ("prometheus", "http://prometheus:9090", True)
