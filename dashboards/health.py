"""Health: how engines, scorers, keys and files fare."""

from dashboards.board import Board, Row
from dashboards.panels import Panel, Query, number, split
from dashboards.queries import count_up, increase, largest, now, rate, smallest, total

FAILURES, RELOADS, LATENCY = (
    "unsay_scorer_failures_total",
    "unsay_reloads_total",
    "unsay_guardrail_latency_seconds_count",
)

NOW = [
    number(
        "Servers",
        "Servers that Prometheus reads now, among the chosen ones.",
        "short",
        count_up(),
    ),
    number(
        "Scorer failures, 5 min",
        "Calls for scores that failed within five minutes, for any reason.",
        "short",
        total(increase(FAILURES, over="5m")),
    ),
    number(
        "Let pass unjudged, 1 h",
        "Windows and prompts of the last hour without a verdict that were let pass: a policy is open, or looks on.",
        "short",
        total(increase(LATENCY, 'result="bypassed"', over="1h")),
    ),
    number(
        "Files not in force, 1 h",
        "Changed files of the last hour that could not be used: the old ones stay in force.",
        "short",
        total(increase(RELOADS, 'result="failed"', over="1h")),
    ),
]

ENGINES = [
    Panel(
        "Requests in the engine",
        "Requests that vLLM computes, and that wait for it. A rewind by resubmission is a new one.",
        "short",
        [
            Query(total(now("vllm:num_requests_running"), "instance"), "{{instance}} running"),
            Query(total(now("vllm:num_requests_waiting"), "instance"), "{{instance}} waiting"),
        ],
        width=6,
    ),
    Panel(
        "KV cache in use",
        "Share of the KV cache that is taken. Near 1 requests wait, or are preempted.",
        "percentunit",
        [Query(largest(now("vllm:kv_cache_usage_perc"), "instance"), "{{instance}}")],
        width=6,
    ),
    Panel(
        "Choices under way",
        "Choices that are drafted, or wait for the engine; the start's line 'taking in' says how many may be.",
        "short",
        [split(now("unsay_choices_under_way"), "instance")],
        width=6,
    ),
    Panel(
        "Engine hangs",
        "1 while the engine is asked for tokens and nothing is heard of it for --engine-seconds.",
        "short",
        [Query(largest(now("unsay_engine_hangs"), "instance"), "{{instance}}")],
        width=6,
    ),
    Panel(
        "Refused for want of capacity",
        "Requests per second answered 503, by what there is too little of.",
        "reqps",
        [split(rate("unsay_refused_requests_total"), "instance", "reason")],
        width=6,
    ),
    Panel(
        "Upstreams that are up",
        "1 while an upstream is asked for tokens. Only servers before upstreams have any.",
        "short",
        [Query(smallest(now("unsay_upstream_up"), "instance", "upstream"), "{{instance}} {{upstream}}")],
        width=6,
    ),
    Panel(
        "Upstream requests",
        "Requests to upstreams per second, by what became of their answers.",
        "reqps",
        [split(rate("unsay_upstream_requests_total"), "upstream", "outcome")],
        width=6,
    ),
    Panel(
        "Answers gone on with elsewhere",
        "Answers whose upstream was lost with tokens drawn, in five minutes, by that upstream.",
        "short",
        [split(increase("unsay_upstream_resumed_total", over="5m"), "upstream")],
        width=6,
    ),
]

SCORERS = [
    Panel(
        "Scorer failures",
        "Calls for scores per second that failed, by replica and reason.",
        "cps",
        [split(rate(FAILURES), "instance", "reason")],
    ),
    Panel(
        "Without a verdict",
        "Windows and prompts per second that had no verdict: held (failed), or let pass (bypassed).",
        "cps",
        [split(rate(LATENCY, 'result=~"failed|bypassed"'), "instance", "phase", "result")],
    ),
    Panel(
        "Released unguarded, by policy",
        "Requests per second that ended with text that no scorer cleared: fail-open, or mode off.",
        "reqps",
        [split(rate("unsay_requests_total", 'action="unguarded"'), "instance", "policy")],
    ),
    Panel(
        "Screen failures",
        "Passes in five minutes in which the screen failed: the classifier judges all meanwhile.",
        "short",
        [split(increase("unsay_screened_total", 'outcome="failed"', over="5m"), "instance")],
    ),
    Panel(
        "What was learned",
        "Servers by the version of what was learned that judges, and the candidate in its shadow.",
        "short",
        [Query(total(now("unsay_learned_info"), "current", "candidate"), "{{current}}, candidate {{candidate}}")],
    ),
    Panel(
        "Candidate against what judges",
        "Texts in an hour that a candidate has scored too, by who flags them.",
        "short",
        [split(increase("unsay_shadow_compared_total", over="1h"), "flagged_by")],
    ),
]

KEYS = [
    Panel(
        "Requests over a limit",
        "Requests per second answered 429, by the name of their key and the limit that was reached.",
        "reqps",
        [split(rate("unsay_limited_requests_total"), "key", "limit")],
    ),
    Panel(
        "Limits that could not be looked up",
        "Times in five minutes that Redis did not answer: requests of keys with limits are refused meanwhile.",
        "short",
        [split(increase("unsay_limits_failures_total", over="5m"), "instance")],
    ),
    Panel(
        "Files read again",
        "Changed files of policies, keys and what was learned, in five minutes: loaded, or failed, and then the old one"
        " stays in force.",
        "short",
        [split(increase(RELOADS, over="5m"), "instance", "file", "result")],
    ),
    Panel(
        "Audit records and pairs",
        "Records per second of the audit log, and preference pairs: written, or lost since their file could not be.",
        "cps",
        [
            Query(total(rate("unsay_audit_records_total"), "instance", "fate"), "records {{instance}} {{fate}}"),
            Query(total(rate("unsay_pairs_total"), "instance", "fate"), "pairs {{instance}} {{fate}}"),
        ],
    ),
    Panel(
        "Answers recorded",
        "Choices per second whose record was written for feedback, dropped (its database is slow), or refused by it.",
        "cps",
        [split(rate("unsay_answers_recorded_total"), "instance", "fate")],
    ),
    Panel(
        "Feedback without its database",
        "Times in five minutes that the database did not answer: feedback is 503 meanwhile, answers go on.",
        "short",
        [split(increase("unsay_feedback_failures_total", over="5m"), "instance")],
    ),
]

COMING = [
    Panel(
        "Requests at a server's end",
        "Requests in five minutes that came, or were under way, when a server was ending, by what became of them.",
        "short",
        [split(increase("unsay_requests_at_end_total", over="5m"), "fate")],
    ),
    Panel(
        "Requests that never came whole",
        "Requests per second answered 408, by the part that did not come in time.",
        "reqps",
        [split(rate("unsay_late_requests_total"), "part")],
    ),
    Panel(
        "What runs",
        "Versions, scorer and model of every server.",
        "short",
        [Query(now("unsay_build_info"))],
        "table",
    ),
]

HEALTH = Board(
    "unsay-health",
    "Health",
    "How engines, scorers, keys and files fare.",
    [
        Row("Now", NOW),
        Row("Engines", ENGINES),
        Row("Scorers", SCORERS),
        Row("Keys, files and records", KEYS),
        Row("Comings and goings", COMING),
    ],
)
