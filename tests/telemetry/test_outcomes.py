"""What answers would have come to, as a scrape finds it: closed words, there before anything was counted."""

from prometheus_client import CollectorRegistry
from pytest import approx

from server.telemetry.outcomes import Languages, OutcomeMetrics

ANSWER = {"policy": "standard", "model": "tiny"}


class Page:
    """The metrics of outcomes, and what a scrape would find."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.metrics = OutcomeMetrics(self.registry)
        self.metrics.expect_answers(["standard"], "tiny", ["en", "de"])

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)

    def answers(self, verdict: str, category: str, language: str) -> float | None:
        return self.value("unsay_answers_total", verdict=verdict, category=category, language=language, **ANSWER)


def test_every_series_but_those_of_flagged_answers_is_there_from_the_start() -> None:
    page = Page()
    words = ("en", "de", "other", "unknown")
    assert [page.answers(verdict, "none", word) for verdict in ("cleared", "failed") for word in words] == [0] * 8
    spans = [page.value("unsay_language_spans_total", language=word, verdict="flagged") for word in words]
    assert spans == [0] * 4
    for phase in ("input", "output"):
        for result in ("allowed", "blocked", "would_block", "bypassed", "failed"):
            assert page.value("unsay_guardrail_latency_seconds_count", phase=phase, result=result) == 0


def test_what_is_told_is_counted_and_languages_are_a_closed_set() -> None:
    page = Page()
    for language in ("de", "sw", "yo", "unknown"):
        page.metrics.answered("flagged", "insult", language, "standard", "tiny")
        page.metrics.spans_heard(language, 5, 2)
    assert [page.answers("flagged", "insult", word) for word in ("de", "other", "unknown", "sw")] == [1, 2, 1, None]
    spans = {verdict: page.value("unsay_language_spans_total", language="other", verdict=verdict) for verdict in (
        "cleared", "flagged", "failed",
    )}  # fmt: skip
    assert spans == {"cleared": 6, "flagged": 4, "failed": None}


def test_times_go_to_the_histogram_of_their_phase_and_result() -> None:
    page = Page()
    page.metrics.verdict_took("output", "would_block", 0.2)
    page.metrics.first_text_held(0.3)
    assert page.value("unsay_guardrail_latency_seconds_sum", phase="output", result="would_block") == approx(0.2)
    assert page.value("unsay_guardrail_latency_seconds_count", phase="input", result="would_block") == 0
    assert page.value("unsay_first_text_held_seconds_sum") == approx(0.3)


def test_a_language_that_is_not_served_any_more_is_one_of_the_others() -> None:
    languages = Languages()
    assert languages.serve(["fr", "de"]) == ("de", "fr", "other", "unknown")
    assert languages.serve(["fr"]) == ("fr", "other", "unknown")
    assert [languages.called(code) for code in ("de", "fr", "unknown")] == ["other", "fr", "unknown"]


def test_the_language_of_answers_is_a_closed_set_whatever_is_written() -> None:
    page = Page()
    for language in ("en", "ru", "yo", "unknown"):
        page.metrics.language_found(language, unread=language != "en")
    counted = {
        (language, unread): page.value("unsay_languages_total", language=language, unread=unread)
        for language in ("en", "de", "ru", "yo", "other", "unknown")
        for unread in ("yes", "no")
    }
    assert {labels for labels, value in counted.items() if value is None} == {
        ("ru", "yes"), ("ru", "no"), ("yo", "yes"), ("yo", "no"),
    }  # fmt: skip
    assert {labels: value for labels, value in counted.items() if value} == {
        ("en", "no"): 1, ("other", "yes"): 2, ("unknown", "yes"): 1,
    }  # fmt: skip
