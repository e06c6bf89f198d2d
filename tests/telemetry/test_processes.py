"""The page of several processes, as prometheus_client puts it together from what each has written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

COUNTING = """
import sys
from server.telemetry.metrics import Metrics
metrics, number = Metrics(), int(sys.argv[1])
metrics.expect(policies=["default"], model="m", routes=["/v1/completions"])
metrics.expect_answers(["default"], "m", ["en"])
metrics.expect_keys(["app"])
metrics.answered("flagged", "insult", "en", "default", "m")
metrics.verdict_took("output", "blocked", 0.2)
metrics.build_info(version="1", vllm_version="2", detoxify_version="3", scorer="s", model="m")
metrics.tokens("released", 10 * number)
metrics.request_finished("clean", "/v1/completions", "default")
metrics.held(0.2)
metrics.queue_depth("windows", number)
metrics.engine_hangs(number == 2)
metrics.upstream_up("http://a", number == 1)
metrics.scores_seen({"toxicity": 0.5})
print("counted", flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> CollectorRegistry:
    folder: Path = tmp_path_factory.mktemp("metrics")
    own = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)}
    pipe = subprocess.PIPE
    command = [sys.executable, "-W", "error::UserWarning", "-c", COUNTING]
    running = [subprocess.Popen([*command, number], env=own, stdin=pipe, stdout=pipe) for number in ("1", "2")]
    for process in running:
        assert process.stdout is not None and process.stdout.readline() == b"counted\n"
    found = CollectorRegistry()
    MultiProcessCollector(found, path=str(folder))  # type: ignore[no-untyped-call]
    for process in running:
        process.communicate()
    return found


@pytest.mark.parametrize(
    ("series", "labels", "expected"),
    [
        ("unsay_tokens_total", {"fate": "released"}, 30),
        ("unsay_tokens_total", {"fate": "discarded"}, 0),
        ("unsay_requests_total", {"action": "clean", "route": "/v1/completions", "policy": "default"}, 2),
        ("unsay_requests_total", {"action": "refused", "route": "/v1/completions", "policy": "default"}, 0),
        ("unsay_limited_requests_total", {"key": "app", "limit": "tokens"}, 0),
        ("unsay_held_seconds_count", {}, 2),
        ("unsay_guardrail_latency_seconds_count", {"phase": "output", "result": "blocked"}, 2),
        (
            "unsay_answers_total",
            {"verdict": "flagged", "category": "insult", "language": "en", "policy": "default", "model": "m"},
            2,
        ),
        ("unsay_score_count", {"category": "toxicity"}, 2),
        ("unsay_scoring_queue_depth", {"urgency": "windows"}, 3),
        ("unsay_engine_hangs", {}, 1),
        ("unsay_upstream_up", {"upstream": "http://a"}, 0),
        (
            "unsay_build_info",
            {"version": "1", "vllm_version": "2", "detoxify_version": "3", "scorer": "s", "model": "m"},
            1,
        ),
    ],
)
def test_every_series_is_one_of_all_processes(
    page: CollectorRegistry, series: str, labels: dict[str, str], expected: float
) -> None:
    assert page.get_sample_value(series, labels) == expected


def test_none_is_of_one_process(page: CollectorRegistry) -> None:
    samples = [sample for metric in page.collect() for sample in metric.samples]
    assert len(samples) > 100 and not [sample for sample in samples if "pid" in sample.labels]
