"""Metrics of answers, and all metrics of unsay's own in one: those of other parts are in the files beside this one.

Rules of these files:
* a name or a label here is part of the public interface: dashboards, alerts and docs/operations.md are held to it;
* label values come from small closed sets (policy names, categories, route templates), never from a request's text; the
  words of a set are those of whoever tells them, spelled there and nowhere else;
* label children are kept, so that counting costs about a microsecond;
* series that alerts watch exist with the value 0 before the first event, since Prometheus sees no increase in a series
  that is born with the value 1: see `AnswerMetrics.expect`.
"""

from collections.abc import Iterable, Mapping
from itertools import product

from prometheus_client import REGISTRY, CollectorRegistry, Gauge

from server.generation.observer import FATES, JUDGEMENTS, NO_CATEGORY, OUTCOMES, Fate, Judgement, Outcome
from server.guard.commands import WAYS, Way
from server.guard.state import ACTIONS, Action
from server.telemetry.children import Children, Maker
from server.telemetry.feedback import FeedbackMetrics
from server.telemetry.learning import LearningMetrics
from server.telemetry.outcomes import OutcomeMetrics
from server.telemetry.scoring import ScoringMetrics
from server.telemetry.serving import CapacityMetrics, ProbeMetrics, ServingMetrics, UpstreamMetrics, WrittenMetrics

_DELAY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
# Finer at both ends: clean text scores near 0, thresholds of careful policies lie high.
_SCORE_BUCKETS = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)


class AnswerMetrics:
    """What becomes of answers; the port `server.generation.observer.Observer` says what each call means."""

    def __init__(self, registry: CollectorRegistry) -> None:
        made = Maker(registry)
        self._spans = made.counters(
            "unsay_spans",
            "Spans judged, by verdict (failed: the scorer gave none) and leading exceeded category, else none.",
            ("verdict", "category", "policy", "model"),
        )
        self._prompts = made.counters(
            "unsay_prompts",
            "Prompts judged, where the policy asks for it, by verdict and leading exceeded category, as for spans.",
            ("verdict", "category", "policy", "model"),
        )
        self._rewinds = made.counters(
            "unsay_rewinds", "Rewinds, by strategy and by what became of the retry.", ("strategy", "outcome")
        )
        self._requests = made.counters(
            "unsay_requests",
            "Finished requests, by the gravest action of their choices; unguarded: text left unscored.",
            ("action", "route", "policy"),
        )
        self._tokens = made.counters("unsay_tokens", "Drafted tokens, released or discarded.", ("fate",))
        for fate in FATES:
            self._tokens.of(fate)
        self._scores = Children(
            made.histogram(
                "unsay_score",
                "Scores (0 to 1) of judged spans, flagged ones included, by category.",
                _SCORE_BUCKETS,
                ("category",),
            )
        )
        self._held = made.histogram(
            "unsay_held_seconds",
            "Seconds that released text was held back, from drafted to released: the guard's added latency.",
            _DELAY_BUCKETS,
        )
        self._first_release = made.histogram(
            "unsay_first_release_seconds",
            "Seconds from a request's arrival to the first text that it released, per choice.",
            _DELAY_BUCKETS,
        )
        self._rewind = made.histogram(
            "unsay_rewind_seconds",
            "Seconds from a flagged verdict to the first token drafted in place of the dropped ones.",
            _DELAY_BUCKETS,
        )

    def expect(self, *, policies: Iterable[str], model: str, routes: Iterable[str]) -> None:
        """Make the series that a server with these policies and routes can count, with the value 0."""
        policies = tuple(policies)
        for policy, verdict in product(policies, JUDGEMENTS):
            if verdict != "flagged":  # which has a category
                self._spans.of(verdict, NO_CATEGORY, policy, model)
                self._prompts.of(verdict, NO_CATEGORY, policy, model)
        for action, route, policy in product(ACTIONS, routes, policies):
            self._requests.of(action, route, policy)
        for way, outcome in product(WAYS, OUTCOMES):
            self._rewinds.of(way, outcome)

    def span_judged(self, verdict: Judgement, category: str, policy: str, model: str) -> None:
        self._spans.of(verdict, category, policy, model).inc()

    def prompt_judged(self, verdict: Judgement, category: str, policy: str, model: str) -> None:
        self._prompts.of(verdict, category, policy, model).inc()

    def scores_seen(self, scores: Mapping[str, float]) -> None:
        for category, score in scores.items():
            self._scores.of(category).observe(score)

    def rewound(self, strategy: Way, outcome: Outcome) -> None:
        self._rewinds.of(strategy, outcome).inc()

    def request_finished(self, action: Action, route: str, policy: str) -> None:
        self._requests.of(action, route, policy).inc()

    def tokens(self, fate: Fate, count: int) -> None:
        self._tokens.of(fate).inc(count)

    def held(self, seconds: float) -> None:
        self._held.observe(seconds)

    def first_release(self, seconds: float) -> None:
        self._first_release.observe(seconds)

    def rewind_took(self, seconds: float) -> None:
        self._rewind.observe(seconds)


class Metrics(
    AnswerMetrics,
    OutcomeMetrics,
    ProbeMetrics,
    ScoringMetrics,
    ServingMetrics,
    CapacityMetrics,
    UpstreamMetrics,
    FeedbackMetrics,
    LearningMetrics,
    WrittenMetrics,
):
    """All that a server counts. Give every process one; give every test its own registry."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        AnswerMetrics.__init__(self, registry)
        OutcomeMetrics.__init__(self, registry)
        ProbeMetrics.__init__(self, registry)
        ScoringMetrics.__init__(self, registry)
        ServingMetrics.__init__(self, registry)
        CapacityMetrics.__init__(self, registry)
        UpstreamMetrics.__init__(self, registry)
        FeedbackMetrics.__init__(self, registry)
        LearningMetrics.__init__(self, registry)
        WrittenMetrics.__init__(self, registry)
        self._build = Gauge(
            "unsay_build_info",
            "Always 1; the labels say which versions, scorer and model run here.",
            ("version", "vllm_version", "detoxify_version", "scorer", "model"),
            registry=registry,
            multiprocess_mode="mostrecent",
        )

    def build_info(self, *, version: str, vllm_version: str, detoxify_version: str, scorer: str, model: str) -> None:
        """Set what runs here; a second call replaces the first."""
        if any(metric.samples for metric in self._build.collect()):  # several processes cannot take a series back
            self._build.clear()
        self._build.labels(version, vllm_version, detoxify_version, scorer, model).set(1)
