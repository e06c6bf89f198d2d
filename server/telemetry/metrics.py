"""Every metric of unsay's own, in one place.

Rules of this file:

* a name or a label here is part of the public interface: dashboards, alerts and docs/operations.md are held to it;
* label values come from small closed sets (policy names, categories, route templates), never from a request's text;
* label children are kept, so that counting costs about a microsecond;
* series that alerts watch exist with the value 0 before the first event, since Prometheus sees no increase in a series
  that is born with the value 1: see `Metrics.expect`.
"""

from collections.abc import Iterable, Mapping
from itertools import product
from typing import Literal, get_args

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from server.telemetry.children import Children

SpanVerdict = Literal["cleared", "flagged", "failed"]
RewindOutcome = Literal["cleared", "flagged", "exhausted"]
Fate = Literal["released", "discarded"]
Action = Literal["clean", "rewound", "refused", "truncated", "masked", "flagged", "unguarded"]
NO_CATEGORY = "none"
"""The category of a span that was not flagged."""

_FAILURE_REASONS = ("deadline", "overloaded", "error", "closed")
# A classifier pass takes milliseconds on a GPU, tens to hundreds of them on a CPU, and is given up after some seconds.
_SCORING_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_DELAY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
_BATCH_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
# Finer at both ends: clean text scores near 0, thresholds of careful policies lie high.
_SCORE_BUCKETS = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)


class Metrics:
    """What the driver and the batcher tell Prometheus. Give every process one; give every test its own registry.

    All seconds are wall-clock durations measured by the caller, all counts are whole numbers >= 0.
    """

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._add_outcomes(registry)
        self._add_delays(registry)
        self._add_scoring(registry)
        for reason in _FAILURE_REASONS:
            self._failures.of(reason)
        for fate in get_args(Fate):
            self._tokens.of(fate)
        for outcome in ("cleared", "judged", "failed"):
            self._screened.of(outcome)

    def expect(self, *, policies: Iterable[str], model: str, routes: Iterable[str], strategies: Iterable[str]) -> None:
        """Makes the series that a server with these policies, routes and strategies can count, with the value 0."""
        policies = tuple(policies)
        for policy, verdict in product(policies, ("cleared", "failed")):
            self._spans.of(verdict, NO_CATEGORY, policy, model)
            self._prompts.of(verdict, NO_CATEGORY, policy, model)
        for action, route, policy in product(get_args(Action), routes, policies):
            self._requests.of(action, route, policy)
        for strategy, outcome in product(strategies, get_args(RewindOutcome)):
            self._rewinds.of(strategy, outcome)

    def span_judged(self, verdict: SpanVerdict, category: str, policy: str, model: str) -> None:
        """One span has its verdict; `category` is the leading exceeded one, and `NO_CATEGORY` unless flagged."""
        self._spans.of(verdict, category, policy, model).inc()

    def prompt_judged(self, verdict: SpanVerdict, category: str, policy: str, model: str) -> None:
        """One prompt has its verdict, or will have none; `category` as for a span."""
        self._prompts.of(verdict, category, policy, model).inc()

    def scores_seen(self, scores: Mapping[str, float]) -> None:
        """The scores (0..1 per category) of one judged span, whatever its verdict."""
        for category, score in scores.items():
            self._scores.of(category).observe(score)

    def rewound(self, strategy: str, outcome: RewindOutcome) -> None:
        """One rewind is over: its retry was cleared, flagged again, or the last one that the budget allowed."""
        self._rewinds.of(strategy, outcome).inc()

    def request_finished(self, action: str, route: str, policy: str) -> None:
        """One request has ended; `action` is the gravest one in the reports of its choices.

        `unguarded` says that text was released unscored, by mode `off` or because the scorer failed under a policy that
        is open then: the alert for fail-open releases rests on it.
        """
        self._requests.of(action, route, policy).inc()

    def tokens(self, fate: Fate, count: int) -> None:
        """So many drafted tokens were released, or dropped."""
        self._tokens.of(fate).inc(count)

    def held(self, seconds: float) -> None:
        """A released piece had waited this long since its oldest token was drafted."""
        self._held.observe(seconds)

    def first_release(self, seconds: float) -> None:
        """The first text of a choice was released this long after the request came in."""
        self._first_release.observe(seconds)

    def rewind_took(self, seconds: float) -> None:
        """This long passed between a flagged verdict and the first token drafted in place of the dropped ones."""
        self._rewind.observe(seconds)

    def batch_scored(self, size: int, seconds: float) -> None:
        """One forward pass of the scorer over `size` texts took this long."""
        self._batch_size.observe(size)
        self._scoring.observe(seconds)

    def queue_depth(self, depth: int) -> None:
        """So many texts wait for the scorer now."""
        self._queue.set(depth)

    def screened(self, cleared: int, judged: int) -> None:
        """The screen cleared so many texts of a pass, and left so many to the classifier."""
        self._screened.of("cleared").inc(cleared)
        self._screened.of("judged").inc(judged)

    def screen_failed(self) -> None:
        """The screen failed in one pass, all of which went to the classifier."""
        self._screened.of("failed").inc()

    def scorer_failed(self, reason: str) -> None:
        """One call for scores failed: `deadline`, `overloaded`, `error` or `closed`."""
        self._failures.of(reason).inc()

    def build_info(self, *, version: str, vllm_version: str, detoxify_version: str, scorer: str, model: str) -> None:
        """What runs here; a second call replaces the first."""
        self._build.clear()
        self._build.labels(version, vllm_version, detoxify_version, scorer, model).set(1)

    def _add_outcomes(self, registry: CollectorRegistry) -> None:
        self._spans = Children(
            Counter(
                "unsay_spans",
                "Spans judged, by verdict (failed: the scorer gave none) and leading exceeded category, else none.",
                ("verdict", "category", "policy", "model"),
                registry=registry,
            )
        )
        self._prompts = Children(
            Counter(
                "unsay_prompts",
                "Prompts judged, where the policy asks for it, by verdict and leading exceeded category, as for spans.",
                ("verdict", "category", "policy", "model"),
                registry=registry,
            )
        )
        self._rewinds = Children(
            Counter(
                "unsay_rewinds",
                "Rewinds, by strategy and by what became of the retry.",
                ("strategy", "outcome"),
                registry=registry,
            )
        )
        self._requests = Children(
            Counter(
                "unsay_requests",
                "Finished requests, by the gravest action of their choices; unguarded: text left unscored.",
                ("action", "route", "policy"),
                registry=registry,
            )
        )
        self._tokens = Children(
            Counter("unsay_tokens", "Drafted tokens, released or discarded.", ("fate",), registry=registry)
        )
        # A Gauge, for prometheus_client has no Info across several processes.
        self._build = Gauge(
            "unsay_build_info",
            "Always 1; the labels say which versions, scorer and model run here.",
            ("version", "vllm_version", "detoxify_version", "scorer", "model"),
            registry=registry,
            multiprocess_mode="mostrecent",
        )

    def _add_delays(self, registry: CollectorRegistry) -> None:
        self._held = Histogram(
            "unsay_held_seconds",
            "Seconds that released text was held back, from drafted to released: the guard's added latency.",
            registry=registry,
            buckets=_DELAY_BUCKETS,
        )
        self._first_release = Histogram(
            "unsay_first_release_seconds",
            "Seconds from a request's arrival to the first text that it released, per choice.",
            registry=registry,
            buckets=_DELAY_BUCKETS,
        )
        self._rewind = Histogram(
            "unsay_rewind_seconds",
            "Seconds from a flagged verdict to the first token drafted in place of the dropped ones.",
            registry=registry,
            buckets=_DELAY_BUCKETS,
        )

    def _add_scoring(self, registry: CollectorRegistry) -> None:
        self._scores = Children(
            Histogram(
                "unsay_score",
                "Scores (0 to 1) of judged spans, flagged ones included, by category.",
                ("category",),
                registry=registry,
                buckets=_SCORE_BUCKETS,
            )
        )
        self._scoring = Histogram(
            "unsay_scoring_seconds",
            "Seconds that one forward pass of the scorer took, waiting in the queue not included.",
            registry=registry,
            buckets=_SCORING_BUCKETS,
        )
        self._batch_size = Histogram(
            "unsay_scoring_batch_size",
            "Texts in one forward pass of the scorer.",
            registry=registry,
            buckets=_BATCH_BUCKETS,
        )
        self._queue = Gauge(
            "unsay_scoring_queue_depth",
            "Texts that wait for the scorer.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._screened = Children(
            Counter(
                "unsay_screened",
                "Texts cleared by the screen, or judged by the classifier; passes in which the screen failed.",
                ("outcome",),
                registry=registry,
            )
        )
        self._failures = Children(
            Counter(
                "unsay_scorer_failures",
                "Calls for scores that failed, by reason: deadline, overloaded, error, closed.",
                ("reason",),
                registry=registry,
            )
        )
