"""Where Grafana finds its dashboards, and that alerts and dashboards ask for what somebody publishes."""

import importlib.util
import re
from pathlib import Path

import yaml
from prometheus_client import CollectorRegistry

from server.telemetry.metrics import Metrics

ROOT = Path(__file__).parents[2]
GRAFANA = ROOT / "deploy/monitoring/grafana"
ALERTS = yaml.safe_load((ROOT / "deploy/monitoring/prometheus/alerts.yml").read_text())
SERIES = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"], "gauge": [""]}


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


def test_every_metric_that_alerts_ask_for_is_published() -> None:
    expressions = [rule["expr"] for group in ALERTS["groups"] for rule in group["rules"]]
    asked = set(re.findall(r"\b(?:unsay_|vllm:)[a-z_]+", "\n".join(expressions)))
    assert asked and asked <= ours() | vllms(), asked - ours() - vllms()


def test_grafana_is_told_where_dashboards_and_prometheus_are() -> None:
    environment = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())["services"]
    mounts = dict(mount.split(":")[:2] for mount in environment["grafana"]["volumes"])
    (provider,) = yaml.safe_load((GRAFANA / "provisioning/dashboards/unsay.yaml").read_text())["providers"]
    assert provider["options"]["path"] == mounts["./monitoring/grafana/dashboards"]
    home = environment["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    folder, _, file = home.rpartition("/")
    assert folder == provider["options"]["path"] and (GRAFANA / "dashboards" / file).is_file()
    (source,) = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yaml").read_text())["datasources"]
    assert (source["type"], source["url"], source["isDefault"]) == ("prometheus", "http://prometheus:9090", True)
