"""Metrics of what the model would have said, and of how long verdicts take, in the words of the field."""

from collections.abc import Iterable
from itertools import product

from prometheus_client import CollectorRegistry

from filters.languages import UNKNOWN
from server.generation.observer import JUDGEMENTS, NO_CATEGORY, PHASES, RESULTS, Judgement, Phase, Result
from server.telemetry.children import Children, Maker

OTHER_LANGUAGE = "other"
_YES_OR_NO = ("no", "yes")
# From a verdict of the model's own probe, which takes no time, to one that was waited for until the deadline.
_VERDICT_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_HELD_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)


class Languages:
    """Those that are counted by themselves; every other is `OTHER_LANGUAGE`, so that there are only so many series."""

    def __init__(self) -> None:
        self._served: frozenset[str] = frozenset()

    def serve(self, languages: Iterable[str]) -> tuple[str, ...]:
        """Count these by themselves from now on; return every word that there is then."""
        self._served = frozenset(languages)
        return (*sorted(self._served), OTHER_LANGUAGE, UNKNOWN)

    def called(self, language: str) -> str:
        """Return the word for a language (a code, or that it is unknown)."""
        return language if language in self._served or language == UNKNOWN else OTHER_LANGUAGE


class OutcomeMetrics:
    """What answers would have come to; the port `server.generation.observer.Observer` says what each call means."""

    def __init__(self, registry: CollectorRegistry) -> None:
        made = Maker(registry)
        self._spoken = Languages()
        self._languages = made.counters(
            "unsay_languages",
            "Answers by language, of those that are read or named by a policy; unread: some of it is not read.",
            ("language", "unread"),
        )
        self._answers = made.counters(
            "unsay_answers",
            "Choices by what they would have come to without a guard (flagged: flagged text would have been released),"
            " and by the category that was exceeded first, else none.",
            ("verdict", "category", "language", "policy", "model"),
        )
        self._heard = made.counters(
            "unsay_language_spans", "Spans judged, by the language of their answer.", ("language", "verdict")
        )
        self._latency = Children(
            made.histogram(
                "unsay_guardrail_latency_seconds",
                "Seconds from a prompt (input) or a window (output) that is to be judged to its verdict, by result.",
                _VERDICT_BUCKETS,
                ("phase", "result"),
            )
        )
        for phase, result in product(PHASES, RESULTS):
            self._latency.of(phase, result)
        self._first_text = made.histogram(
            "unsay_first_text_held_seconds",
            "Seconds from a choice's first drafted token to its first released text: added to the first token.",
            _HELD_BUCKETS,
        )

    def expect_answers(self, policies: Iterable[str], model: str, languages: Iterable[str]) -> None:
        """Make the series of answers under these policies, with the value 0; these languages count by themselves."""
        words = self._spoken.serve(languages)
        for language, unread in product(words, _YES_OR_NO):
            self._languages.of(language, unread)
        for policy, language, verdict in product(policies, words, JUDGEMENTS):
            if verdict != "flagged":  # which has a category
                self._answers.of(verdict, NO_CATEGORY, language, policy, model)
        for language, span in product(words, ("cleared", "flagged")):
            self._heard.of(language, span)

    def language_found(self, language: str, *, unread: bool) -> None:
        self._languages.of(self._spoken.called(language), _YES_OR_NO[unread]).inc()

    def answered(self, verdict: Judgement, category: str, language: str, policy: str, model: str) -> None:
        self._answers.of(verdict, category, self._spoken.called(language), policy, model).inc()

    def spans_heard(self, language: str, judged: int, flagged: int) -> None:
        self._heard.of(self._spoken.called(language), "flagged").inc(flagged)
        self._heard.of(self._spoken.called(language), "cleared").inc(judged - flagged)

    def verdict_took(self, phase: Phase, result: Result, seconds: float) -> None:
        self._latency.of(phase, result).observe(seconds)

    def first_text_held(self, seconds: float) -> None:
        self._first_text.observe(seconds)
