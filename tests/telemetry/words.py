"""The words that the closed labels of our metrics may have, as dashboards and alerts spell them."""

from prometheus_client.parser import text_string_to_metric_families

WORDS = {
    ("unsay_rewinds_total", "strategy"): {
        "resample", "ban", "clause", "sentence", "previous_sentence", "candidates", "steer", "self",
        "restart",
    },
    ("unsay_rewinds_total", "outcome"): {"cleared", "flagged", "exhausted"},
    ("unsay_requests_total", "action"): {
        "clean", "rewound", "refused", "truncated", "masked", "flagged", "unguarded",
    },
    ("unsay_guardrail_latency_seconds_count", "phase"): {"input", "output"},
    ("unsay_guardrail_latency_seconds_count", "result"): {
        "allowed", "blocked", "would_block", "bypassed", "failed",
    },
    ("unsay_language_spans_total", "verdict"): {"cleared", "flagged"},
    ("unsay_tokens_total", "fate"): {"released", "discarded"},
    ("unsay_languages_total", "unread"): {"yes", "no"},
    ("unsay_probed_total", "outcome"): {"cleared", "judged", "alarmed"},
    ("unsay_screened_total", "outcome"): {"cleared", "judged", "failed"},
    ("unsay_scoring_queue_depth", "urgency"): {"windows", "prompts", "moderations"},
    ("unsay_scoring_dropped_total", "urgency"): {"windows", "prompts", "moderations"},
    ("unsay_scorer_failures_total", "reason"): {"deadline", "overloaded", "error", "closed"},
    ("unsay_requests_at_end_total", "fate"): {"finished", "cut_short", "refused"},
    ("unsay_late_requests_total", "part"): {"head", "body"},
    ("unsay_feedback_total", "verdict"): {"missed", "false_alarm", "good"},
    ("unsay_answers_recorded_total", "fate"): {"written", "dropped", "refused"},
    ("unsay_refused_requests_total", "reason"): {"engine", "scorer"},
    ("unsay_reloads_total", "file"): {"policies", "keys", "learned"},
    ("unsay_shadow_compared_total", "flagged_by"): {"neither", "both", "current", "candidate"},
    ("unsay_reloads_total", "result"): {"loaded", "failed"},
}  # fmt: skip
"""By series and label. All of them are there before anything was counted."""

VERDICTS = {"cleared", "failed"}
"""Of spans and prompts, likewise; `flagged` comes with its first category."""


def values(page: str, series: str, label: str) -> set[str]:
    """Every value that a label of a series has on a page of `/metrics`."""
    samples = (sample for family in text_string_to_metric_families(page) for sample in family.samples)
    return {sample.labels[label] for sample in samples if sample.name == series}
