"""The real Prometheus, with our configuration, reading servers of a test every second."""

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from benchmarks.process import reserved_port
from tests.deploy.tools import tool

FOLDER = Path(__file__).parents[2] / "deploy/monitoring/prometheus"
DEADLINE_SECONDS = 60.0


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

    def result(self, expression: str, at: float | None = None) -> list[dict[str, Any]]:
        """The series that a query returns, as of a time (None: now)."""
        when = {} if at is None else {"time": f"{at:.3f}"}
        found: list[dict[str, Any]] = self.ask("query", query=expression, **when)["result"]
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

    def wait_for_scrapes(self, targets: int) -> None:
        """Returns when all of so many targets have been read since."""
        since = time.time()

        def read() -> bool:
            at = [float(found["value"][1]) for found in self.result('timestamp(up{job="unsay"})')]
            return len(at) == targets and min(at) > since

        self.wait_for("every target read", read)


def configuration(folder: Path, targets: Sequence[str]) -> Path:
    """A copy of our configuration in this folder that reads these targets, every second."""
    text = (FOLDER / "prometheus.yml").read_text()
    assert text.count('["unsay:8000"]') == 1
    text = text.replace('["unsay:8000"]', json.dumps(list(targets))).replace("_interval: 15s", "_interval: 1s")
    shutil.copy(FOLDER / "alerts.yml", folder)
    (folder / "prometheus.yml").write_text(text)
    return folder / "prometheus.yml"


@contextmanager
def reading(targets: Sequence[str], folder: Path) -> Iterator[Prometheus]:
    """Prometheus, until the block ends. It keeps its data in this folder."""
    program, config = tool("prometheus"), configuration(folder, targets)
    with reserved_port() as port:
        address = f"127.0.0.1:{port}"
        flags = [f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address={address}"]
        with subprocess.Popen([program, *flags], stderr=subprocess.DEVNULL) as process:
            try:
                yield Prometheus(process, address)
            finally:
                process.kill()
