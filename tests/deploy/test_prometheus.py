"""Prometheus itself, with our configuration, reads a page of Metrics and answers what dashboard and alerts ask."""

import json
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, start_http_server

from benchmarks.process import reserved_port
from server.telemetry.metrics import Metrics
from tests.deploy.tools import tool

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy/monitoring/prometheus"
DASHBOARD = json.loads((ROOT / "deploy/monitoring/grafana/dashboards/unsay.json").read_text())
CHOSEN = {"$__rate_interval": "1m", "$policy": ".*", "$model": ".*", "$category": "insult"}
DEADLINE_SECONDS = 30.0


@dataclass(frozen=True)
class Prometheus:
    """A running Prometheus."""

    process: subprocess.Popen[bytes]
    address: str

    def ask(self, path: str, **query: str) -> Any:
        """The `data` of an API answer."""
        url = f"http://{self.address}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=5) as answer:
            return json.load(answer)["data"]

    def result(self, expression: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("query", query=expression)["result"]
        return found

    def wait_for(self, what: str, condition: Callable[[], bool]) -> None:
        """Returns as soon as the condition holds; fails when Prometheus ends or the deadline passes first."""
        end = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < end:
            try:
                if condition():
                    return
            except urllib.error.URLError:
                pass  # Not listening yet.
            try:
                pytest.fail(f"prometheus ended with status {self.process.wait(timeout=0.05)}")
            except subprocess.TimeoutExpired:
                continue
        pytest.fail(f"{what}: not within {DEADLINE_SECONDS:.0f} seconds")


def count_everything(metrics: Metrics) -> None:
    metrics.expect(policies=["standard"], model="tiny", routes=["/v1/completions"])
    metrics.span_judged("flagged", "insult", "standard", "tiny")
    metrics.scores_seen({"insult": 0.7})
    metrics.rewound("ban", "cleared")
    metrics.request_finished("rewound", "/v1/completions", "standard")
    metrics.tokens("released", 9)
    metrics.tokens("discarded", 3)
    metrics.held(0.2)
    metrics.first_release(0.3)
    metrics.rewind_took(0.1)
    metrics.request_limited("app", "tokens")
    metrics.batch_scored(4, 0.02)
    metrics.queue_depth("windows", 2)
    metrics.screened(3, 1)
    metrics.scorer_failed("deadline")
    metrics.upstream_up("http://gpu-1:8000", True)
    metrics.build_info(version="0", vllm_version="0", detoxify_version="0", scorer="original", model="tiny")


def configuration(folder: Path, target: str) -> Path:
    """A copy of our configuration in this folder that reads this target, every second."""
    text = (FOLDER / "prometheus.yml").read_text()
    assert text.count("unsay:8000") == 1
    text = text.replace("unsay:8000", target).replace("_interval: 15s", "_interval: 1s")
    shutil.copy(FOLDER / "alerts.yml", folder)
    (folder / "prometheus.yml").write_text(text)
    return folder / "prometheus.yml"


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Prometheus, after it has read every metric twice: a rate needs two samples."""
    program = tool("prometheus")
    registry = CollectorRegistry()
    count_everything(Metrics(registry))
    page, thread = start_http_server(0, "127.0.0.1", registry)
    folder = tmp_path_factory.mktemp("prometheus")
    config = configuration(folder, f"127.0.0.1:{page.server_port}")
    with reserved_port() as port, serving(program, f"127.0.0.1:{port}", config, folder / "data") as running:
        try:
            running.wait_for("two samples", lambda: running.result("count_over_time(up[1m]) >= 2") != [])
            yield running
        finally:
            page.shutdown()
            page.server_close()
            thread.join()


@contextmanager
def serving(program: str, address: str, config: Path, data: Path) -> Iterator[Prometheus]:
    """Prometheus at this address until the block ends."""
    flags = [f"--config.file={config}", f"--storage.tsdb.path={data}", f"--web.listen-address={address}"]
    with subprocess.Popen([program, *flags], stderr=subprocess.DEVNULL) as process:
        try:
            yield Prometheus(process, address)
        finally:
            process.kill()


def queries(*, of_vllm: bool) -> list[str]:
    """What the panels ask of vLLM's metrics, or of our own, with the dashboard's variables filled in."""
    asked = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", [])]
    wanted = [expression for expression in asked if ("vllm:" in expression) is of_vllm]
    return [re.sub(r"\$\w+", lambda variable: CHOSEN[variable[0]], expression) for expression in wanted]


def test_prometheus_reads_the_page_under_the_job_that_the_alerts_name(prometheus: Prometheus) -> None:
    (up,) = prometheus.result('up{job="unsay"}')
    assert up["value"][1] == "1"
    (tokens,) = prometheus.result('unsay_tokens_total{fate="released"}')
    assert tokens["value"][1] == "9"


@pytest.mark.parametrize("expression", queries(of_vllm=False))
def test_a_panel_of_ours_is_not_empty(prometheus: Prometheus, expression: str) -> None:
    assert prometheus.result(expression) != []


@pytest.mark.parametrize("expression", queries(of_vllm=True))
def test_a_panel_of_vllm_is_understood(prometheus: Prometheus, expression: str) -> None:
    # No engine publishes anything here; a query that is malformed is answered with 400, which raises.
    assert prometheus.result(expression) == []


def test_the_alert_rules_are_evaluated_without_errors(prometheus: Prometheus) -> None:
    def rules() -> list[dict[str, Any]]:
        return [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]

    prometheus.wait_for("rules evaluated", lambda: all(rule["health"] != "unknown" for rule in rules()))
    assert {rule["health"] for rule in rules()} == {"ok"}
    assert "UnsayFailOpenReleases" in {rule["name"] for rule in rules()}


def test_the_choices_of_policy_and_model_are_filled(prometheus: Prometheus) -> None:
    for variable, expected in {"policy": "standard", "model": "tiny", "category": "insult"}.items():
        (query,) = [v["query"]["query"] for v in DASHBOARD["templating"]["list"] if v["name"] == variable]
        metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", query).groups()  # type: ignore[union-attr]
        assert expected in {series["metric"][label] for series in prometheus.result(metric)}
