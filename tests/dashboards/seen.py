"""Two servers under load and Prometheus, which reads both; and what the queries of a panel return.

One has a scripted engine in it (served.py). The other is `unsay serve` as an operator starts it, before the first one's
plain twin as its upstream. Both have policies, keys, an audit log and feedback, and judge by words (judging.py).
"""

import math
import re
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.process import reserved_port, running
from dashboards.panels import Panel, Query
from tests.dashboards import load
from tests.dashboards.prometheus import Prometheus, reading

NAMES = ("engine", "front")
NOWHERE = "http://127.0.0.1:1"
"""An upstream that never answers."""
START_SECONDS = 240.0
ALL = {"$instance": ".*", "$model": ".*", "$policy": ".*", "$category": "insult"}
"""The dashboards' variables when all is chosen."""
VARIABLE = re.compile(r"\$\w+")


@dataclass(frozen=True)
class Value:
    """What a query returned for one series: its name on the panel, and its last value."""

    name: str
    value: float


@dataclass(frozen=True)
class Seen:
    """Prometheus, the addresses of the servers that it has read (with an engine, before upstreams), and how long.

    What is asked is asked as of the end of that time, and over all of it, however long the asking takes.
    """

    prometheus: Prometheus
    engine: str
    front: str
    since: float
    until: float

    def values(self, query: Query, chosen: Mapping[str, str] = ALL) -> list[Value]:
        """What a query returns, without what is no number: a share of nothing."""
        said = {**chosen, "$__rate_interval": f"{math.ceil(self.until - self.since)}s"}
        expression = VARIABLE.sub(lambda variable: said[variable[0]], query.expression)
        series = self.prometheus.result(expression, self.until)
        found = [Value(_named(query, each["metric"]), float(each["value"][1])) for each in series]
        return [each for each in found if not math.isnan(each.value)]

    def empty(self, panel: Panel, chosen: Mapping[str, str] = ALL) -> list[Query]:
        """The queries of a panel that return nothing."""
        return [query for query in panel.queries if not self.values(query, chosen)]

    def first(self, panel: Panel) -> Value:
        """The first value on a panel that is not 0, if there is one."""
        found = [each for query in panel.queries for each in self.values(query)]
        return next((each for each in found if each.value), found[0])


def _named(query: Query, labels: Mapping[str, str]) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), query.legend)


@contextmanager
def seeing(folder: Path) -> Iterator[Seen]:
    """Both servers, loaded and read: every counter was read before it was counted, and after."""
    with _servers(folder) as servers:
        targets = [address.removeprefix("http://") for address in servers]
        with reading(targets, folder) as prometheus:
            prometheus.wait_for_scrapes(len(targets))
            since = time.time()
            for turn in range(2):
                for name, address in zip(NAMES, servers, strict=True):
                    load.ask(address)
                    load.change(folder / name, turn)
                prometheus.wait_for_scrapes(len(targets))
            prometheus.wait_for("files read again", lambda: _reloaded(prometheus))
            yield Seen(prometheus, targets[0], targets[1], since - 1, time.time())


def _reloaded(prometheus: Prometheus) -> bool:
    """Whether both servers have read a policy file again, and could not read a file of keys."""
    counted = [each["metric"] for each in prometheus.result("unsay_reloads_total > 0")]
    told = [(each["file"], each["result"]) for each in counted]
    return min(told.count(("policies", "loaded")), told.count(("keys", "failed"))) == len(NAMES)


@contextmanager
def _servers(folder: Path) -> Iterator[tuple[str, str]]:
    """The addresses of both; they start at the same time."""
    with ExitStack() as stack:
        plain, *ports = (stack.enter_context(reserved_port()) for _ in range(3))
        for each in (folders := [folder / name for name in NAMES]):
            each.mkdir()
        upstreams = [word for url in (f"http://127.0.0.1:{plain}", NOWHERE) for word in ("--upstream", url)]
        words = (["tests.dashboards.served", str(plain)], ["commands", "serve", "mini", *upstreams])
        addresses = [f"http://127.0.0.1:{port}" for port in ports]
        starting = []
        for module, port, address, own in zip(words, ports, addresses, folders, strict=True):
            command = [sys.executable, "-m", *module, "--port", str(port), *load.options(own)]
            starting.append(running(command, f"{address}/ready", START_SECONDS))
        with ThreadPoolExecutor() as pool:
            list(pool.map(stack.enter_context, starting))
        yield addresses[0], addresses[1]
