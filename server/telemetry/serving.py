"""Metrics of the server itself, of engine, upstreams, files and the model's probe: how they fare, what they refuse."""

from collections.abc import Iterable
from itertools import product
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge

from server.api.doorway import Fate, Part
from server.engine.upstream.faults import OUTCOMES, Outcome
from server.generation.capacity import SHORTAGES, Shortage
from server.generation.observer import GLANCED, Glanced
from server.keys.quotas import LIMITS, Limit
from server.reloading import FILES, RESULTS, File, Result
from server.telemetry import lines
from server.telemetry.children import Children


class ServingMetrics:
    """How the server fares.

    The ports say what each call means: `DoorObserver`, `EngineObserver`, `ReloadObserver`, `QuotaObserver`.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._at_end = Children(
            Counter(
                "unsay_requests_at_end",
                "Requests that came, or were under way, when the server was ending: finished, cut_short, refused.",
                ("fate",),
                registry=registry,
            )
        )
        for fate in get_args(Fate):
            self._at_end.of(fate)
        self._late = Children(
            Counter(
                "unsay_late_requests",
                "Requests answered 408 since their head or their body did not come in time.",
                ("part",),
                registry=registry,
            )
        )
        for part in get_args(Part):
            self._late.of(part)
        self._hangs = Gauge(
            "unsay_engine_hangs",
            "1 while the engine is asked for tokens and nothing is heard of it for too long, else 0.",
            registry=registry,
            multiprocess_mode="livemax",
        )

        self._reloads = Children(
            Counter(
                "unsay_reloads",
                "Files that had changed and were read again: loaded, or failed, and then the old one stays in force.",
                ("file", "result"),
                registry=registry,
            )
        )
        for file, result in product(FILES, RESULTS):
            self._reloads.of(file, result)
        self._limited = Children(
            Counter(
                "unsay_limited_requests",
                "Requests answered 429, by the name of their key and the limit that was reached.",
                ("key", "limit"),
                registry=registry,
            )
        )
        self._limits_failed = Counter(
            "unsay_limits_failures", "Times that a limit of a key could not be looked up or counted.", registry=registry
        )

    def expect_keys(self, names: Iterable[str]) -> None:
        """Make the series of the keys with these names, with the value 0."""
        for name, limit in product(names, LIMITS):
            self._limited.of(name, limit)

    def reloaded(self, file: File, result: Result) -> None:
        self._reloads.of(file, result).inc()

    def request_limited(self, key: str, limit: Limit) -> None:
        self._limited.of(key, limit).inc()

    def limits_failed(self) -> None:
        self._limits_failed.inc()

    def request_at_end(self, fate: Fate) -> None:
        self._at_end.of(fate).inc()

    def request_late(self, part: Part) -> None:
        self._late.of(part).inc()

    def engine_hangs(self, hangs: bool) -> None:
        self._hangs.set(hangs)


class ProbeMetrics:
    """What the model's own probe does; `server.generation.observer.Observer` says what the call means."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._glanced = Children(
            Counter(
                "unsay_probed",
                "Windows that the model's own probe cleared or left to the scorer (judged), and alarms that it gave.",
                ("outcome",),
                registry=registry,
            )
        )
        for outcome in GLANCED:
            self._glanced.of(outcome)

    def glanced(self, outcome: Glanced) -> None:
        self._glanced.of(outcome).inc()


class WrittenMetrics:
    """The ports `AuditObserver` and `PairObserver` say what each call means."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._audited = _written(registry, "unsay_audit_records", "Records of the audit log")
        self._paired = _written(registry, "unsay_pairs", "Preference pairs")

    def audited(self, fate: lines.Fate) -> None:
        self._audited.of(fate).inc()

    def paired(self, fate: lines.Fate) -> None:
        self._paired.of(fate).inc()


def _written(registry: CollectorRegistry, name: str, what: str) -> Children[Counter]:
    help_ = f"{what}: written, or lost since the file could not be written."
    made = Children(Counter(name, help_, ("fate",), registry=registry))
    for fate in lines.FATES:
        made.of(fate)
    return made


class CapacityMetrics:
    """What is under way, and what is refused; the port `CapacityObserver` says what each call means."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._under_way = Gauge(
            "unsay_choices_under_way",
            "Choices that are drafted, or wait for the engine.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._no_capacity = Children(
            Counter(
                "unsay_refused_requests",
                f"Requests answered 503 for want of capacity, by what there is too little of: {', '.join(SHORTAGES)}.",
                ("reason",),
                registry=registry,
            )
        )
        for shortage in SHORTAGES:
            self._no_capacity.of(shortage)

    def choices_under_way(self, choices: int) -> None:
        self._under_way.set(choices)

    def no_capacity(self, shortage: Shortage) -> None:
        self._no_capacity.of(shortage).inc()


class UpstreamMetrics:
    """How each upstream fares, by its URL; the port `FleetObserver` says what each call means."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._up = Children(
            Gauge(
                "unsay_upstream_up",
                "1 while the upstream is asked for tokens, 0 while it is down.",
                ("upstream",),
                registry=registry,
                multiprocess_mode="livemin",
            )
        )
        self._asked = Children(
            Counter(
                "unsay_upstream_requests",
                f"Requests to an upstream, by what became of its answer: {', '.join(OUTCOMES)}.",
                ("upstream", "outcome"),
                registry=registry,
            )
        )
        self._resumed = Children(
            Counter(
                "unsay_upstream_resumed",
                "Answers that were lost at an upstream with tokens drawn, and gone on with at another.",
                ("upstream",),
                registry=registry,
            )
        )

    def upstream_up(self, upstream: str, up: bool) -> None:
        self._up.of(upstream).set(up)
        self._resumed.of(upstream)
        for outcome in OUTCOMES:
            self._asked.of(upstream, outcome)

    def upstream_asked(self, upstream: str, outcome: Outcome) -> None:
        self._asked.of(upstream, outcome).inc()

    def upstream_resumed(self, upstream: str) -> None:
        self._resumed.of(upstream).inc()
