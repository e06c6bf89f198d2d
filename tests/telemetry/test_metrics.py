"""Names, labels and first values of the metrics; each call is checked by what a scrape would read."""

from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from pytest import approx

from server.telemetry.metrics import Metrics

# The public interface: a change here is a change for everyone's dashboards.
LABELS = {
    "unsay_spans_total": {"verdict", "category", "policy", "model"},
    "unsay_prompts_total": {"verdict", "category", "policy", "model"},
    "unsay_languages_total": {"language", "unread"},
    "unsay_answers_total": {"verdict", "category", "language", "policy", "model"},
    "unsay_language_spans_total": {"language", "verdict"},
    "unsay_guardrail_latency_seconds_bucket": {"phase", "result", "le"},
    "unsay_first_text_held_seconds_bucket": {"le"},
    "unsay_rewinds_total": {"strategy", "outcome"},
    "unsay_requests_total": {"action", "route", "policy"},
    "unsay_tokens_total": {"fate"},
    "unsay_score_bucket": {"category", "le"},
    "unsay_scoring_seconds_bucket": {"le"},
    "unsay_scoring_batch_size_bucket": {"le"},
    "unsay_scoring_queue_depth": {"urgency"},
    "unsay_scoring_dropped_total": {"urgency"},
    "unsay_held_seconds_bucket": {"le"},
    "unsay_first_release_seconds_bucket": {"le"},
    "unsay_rewind_seconds_bucket": {"le"},
    "unsay_probed_total": {"outcome"},
    "unsay_screened_total": {"outcome"},
    "unsay_scorer_failures_total": {"reason"},
    "unsay_requests_at_end_total": {"fate"},
    "unsay_late_requests_total": {"part"},
    "unsay_engine_hangs": set[str](),
    "unsay_choices_under_way": set[str](),
    "unsay_refused_requests_total": {"reason"},
    "unsay_reloads_total": {"file", "result"},
    "unsay_limited_requests_total": {"key", "limit"},
    "unsay_limits_failures_total": set[str](),
    "unsay_learned_info": {"current", "candidate"},
    "unsay_shadow_compared_total": {"flagged_by"},
    "unsay_feedback_total": {"verdict"},
    "unsay_answers_recorded_total": {"fate"},
    "unsay_feedback_failures_total": set[str](),
    "unsay_audit_records_total": {"fate"},
    "unsay_pairs_total": {"fate"},
    "unsay_build_info": {"version", "vllm_version", "detoxify_version", "scorer", "model"},
}


class Page:
    """A server's metrics and what a scrape of them reads."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry)

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)


def used() -> Page:
    """Every metric counted at least once."""
    page = Page()
    metrics = page.metrics
    metrics.span_judged("flagged", "insult", "standard", "tiny")
    metrics.prompt_judged("flagged", "threat", "standard", "tiny")
    metrics.scores_seen({"insult": 0.55, "threat": 0.02})
    metrics.language_found("de", unread=False)
    metrics.answered("flagged", "insult", "de", "standard", "tiny")
    metrics.spans_heard("de", 3, 1)
    metrics.verdict_took("output", "blocked", 0.05)
    metrics.first_text_held(0.1)
    metrics.rewound("resample", "cleared")
    metrics.request_finished("rewound", "/v1/completions", "standard")
    metrics.tokens("released", 12)
    metrics.held(0.2)
    metrics.first_release(0.3)
    metrics.rewind_took(0.04)
    metrics.request_limited("app", "tokens")
    metrics.batch_scored(6, 0.02)
    metrics.queue_depth("windows", 3)
    metrics.dropped("moderations", 12)
    metrics.glanced("cleared")
    metrics.screened(5, 2)
    metrics.screen_failed()
    metrics.scorer_failed("deadline")
    metrics.choices_under_way(3)
    metrics.no_capacity("engine")
    metrics.build_info(version="1", vllm_version="2", detoxify_version="3", scorer="original", model="tiny")
    return page


def test_the_exposition_has_exactly_the_published_names_and_labels() -> None:
    text = generate_latest(used().registry).decode()
    families = [family for family in text_string_to_metric_families(text) if not family.name.endswith("_created")]
    ends = ("_sum", "_count", "_created")
    found = {s.name: set(s.labels) for family in families for s in family.samples if not s.name.endswith(ends)}
    assert found == LABELS


def test_every_metric_explains_itself() -> None:
    text = generate_latest(used().registry).decode()
    helps = [line.split(" ", 3) for line in text.splitlines() if line.startswith("# HELP")]
    assert all(len(words) == 4 and words[3].endswith((".", ".'")) for words in helps if "_created" not in words[2])
    assert all("econds" in words[3] for words in helps if words[2].endswith("_seconds"))


def test_what_alerts_watch_is_zero_before_the_first_event() -> None:
    page = Page()
    assert [page.value("unsay_tokens_total", fate=fate) for fate in ("released", "discarded")] == [0, 0]


def test_expected_policies_and_routes_and_every_strategy_are_zero_before_the_first_event() -> None:
    page = Page()
    page.metrics.expect(policies=["standard"], model="tiny", routes=["/v1/completions"])
    span = {"policy": "standard", "model": "tiny", "category": "none"}
    assert page.value("unsay_spans_total", verdict="failed", **span) == 0
    assert page.value("unsay_prompts_total", verdict="cleared", **span) == 0
    route = {"route": "/v1/completions", "policy": "standard"}
    assert page.value("unsay_requests_total", action="unguarded", **route) == 0
    assert page.value("unsay_requests_total", action="refused", **route) == 0
    assert page.value("unsay_rewinds_total", strategy="resample", outcome="exhausted") == 0
    assert page.value("unsay_rewinds_total", strategy="restart", outcome="cleared") == 0


def test_counting_adds_to_the_series_with_these_labels_only() -> None:
    page = used()
    page.metrics.expect(policies=["standard"], model="tiny", routes=["/v1/completions"])
    page.metrics.rewound("resample", "cleared")
    page.metrics.tokens("released", 3)
    span = {"policy": "standard", "model": "tiny"}
    assert page.value("unsay_spans_total", verdict="flagged", category="insult", **span) == 1
    assert page.value("unsay_spans_total", verdict="cleared", category="none", **span) == 0
    assert page.value("unsay_prompts_total", verdict="flagged", category="threat", **span) == 1
    assert page.value("unsay_prompts_total", verdict="failed", category="none", **span) == 0
    assert page.value("unsay_rewinds_total", strategy="resample", outcome="cleared") == 2
    assert page.value("unsay_rewinds_total", strategy="resample", outcome="flagged") == 0
    assert page.value("unsay_tokens_total", fate="released") == 15
    assert page.value("unsay_tokens_total", fate="discarded") == 0


def test_scores_fall_into_the_bucket_of_their_category() -> None:
    page = used()
    assert page.value("unsay_score_bucket", category="insult", le="0.5") == 0
    assert page.value("unsay_score_bucket", category="insult", le="0.6") == 1
    assert page.value("unsay_score_bucket", category="threat", le="0.05") == 1
    assert page.value("unsay_score_sum", category="insult") == approx(0.55)


def test_durations_and_sizes_go_to_their_own_histograms() -> None:
    page = used()
    sums = {"held_seconds": 0.2, "first_release_seconds": 0.3, "rewind_seconds": 0.04, "scoring_seconds": 0.02}
    for name, expected in {**sums, "scoring_batch_size": 6}.items():
        assert page.value(f"unsay_{name}_sum") == approx(expected)
        assert page.value(f"unsay_{name}_count") == 1


def test_build_info_is_one_series_however_often_it_is_told() -> None:
    page = used()
    page.metrics.build_info(version="9", vllm_version="2", detoxify_version="3", scorer="original", model="tiny")
    lines = [
        line for line in generate_latest(page.registry).decode().splitlines() if line.startswith("unsay_build_info")
    ]
    assert len(lines) == 1
    assert 'version="9"' in lines[0]


def test_two_servers_with_their_own_registries_share_nothing() -> None:
    first, second = used(), Page()
    assert first.value("unsay_tokens_total", fate="released") == 12
    assert second.value("unsay_tokens_total", fate="released") == 0
    assert REGISTRY.get_sample_value("unsay_tokens_total", {"fate": "released"}) != 12
