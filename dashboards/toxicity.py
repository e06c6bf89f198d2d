"""Toxicity: what the model would have said, what was flagged, and what the guard made of it."""

from collections.abc import Sequence

from dashboards.board import Board, Row
from dashboards.panels import Panel, Query, Unit, number, of_all_policies, split
from dashboards.queries import increase, quantile, rate, share, share_of_all, total

ANSWERS, SPANS, SPOKEN = "unsay_answers_total", "unsay_spans_total", "unsay_language_spans_total"
REQUESTS, REWINDS, PROMPTS = "unsay_requests_total", "unsay_rewinds_total", "unsay_prompts_total"
FLAGGED = 'verdict="flagged"'
WITHHELD = 'action=~"refused|truncated"'


def _flagged(name: str, *by: str) -> str:
    """Return the share of flagged ones, of all with the same labels."""
    return share(total(rate(name, FLAGGED), *by), total(rate(name), *by))


def _by(title: str, description: str, expression: str, label: str, unit: Unit = "percentunit") -> Panel:
    return Panel(title, description, unit, [Query(expression, f"{{{{{label}}}}}")], width=6)


def _four(of: str, what: str, name: str, spoken: str) -> Sequence[Panel]:
    """Return the share of flagged ones by category, language, model and policy; `spoken` has it by language."""
    by_category = share_of_all(total(rate(name, FLAGGED), "category"), total(rate(name)))
    return of_all_policies(
        [
            _by(f"{of} by category", f"{what}, by the category that was exceeded most.", by_category, "category"),
            _by(
                f"{of} by language", f"{what}, by the language of the answer.", _flagged(spoken, "language"), "language"
            ),
            _by(f"{of} by model", f"{what}, by model.", _flagged(name, "model"), "model"),
            _by(f"{of} by policy", f"{what}, by policy.", _flagged(name, "policy"), "policy"),
        ]
    )


NOW = of_all_policies(
    [
        number(
            "Would have been released",
            "Share of answers with a flagged span: without the guard its flagged text would have been released.",
            "percentunit",
            _flagged(ANSWERS),
        ),
        number(
            "Flag rate", "Share of judged spans, of all attempts, that were flagged.", "percentunit", _flagged(SPANS)
        ),
        number(
            "Refused",
            "Share of finished requests that were refused or truncated.",
            "percentunit",
            share(total(rate(REQUESTS, WITHHELD)), total(rate(REQUESTS))),
        ),
        number(
            "Rewinds that helped",
            "Share of rewinds whose retry was cleared.",
            "percentunit",
            share(total(rate(REWINDS, 'outcome="cleared"')), total(rate(REWINDS))),
        ),
    ]
)

SCORES = of_all_policies(
    [
        Panel(
            "Scores: $category",
            "How many spans got which score in this category, flagged ones included. A threshold is best set where the"
            " picture is empty.",
            "short",
            [split(increase("unsay_score_bucket", 'category="$category"'), "le")],
            "heatmap",
        ),
        Panel(
            "Scores by category",
            "The score that one span in twenty reaches, and one in a hundred.",
            "none",
            [
                Query(quantile(of, "unsay_score", "category"), f"{{{{category}}}} p{of * 100:.0f}")
                for of in (0.95, 0.99)
            ],
        ),
        Panel(
            "Answers by language",
            "Answers per second by their language; unread: not all of it is in a language that the scorer reads.",
            "cps",
            [Query(total(rate("unsay_languages_total"), "language", "unread"), "{{language}}, unread: {{unread}}")],
        ),
    ]
)

ENDS = of_all_policies(
    [
        Panel(
            "Refusals by policy",
            "Share of a policy's requests that were refused or truncated.",
            "percentunit",
            [Query(share(total(rate(REQUESTS, WITHHELD), "policy"), total(rate(REQUESTS), "policy")), "{{policy}}")],
        ),
        Panel(
            "Actions",
            "Finished requests per second, by the gravest action of their choices.",
            "reqps",
            [split(rate(REQUESTS), "action")],
        ),
        Panel(
            "Other than clean, by route",
            "Finished requests per second that the guard had to do with, by route.",
            "reqps",
            [split(rate(REQUESTS, 'action!="clean"'), "route", "action")],
        ),
        Panel(
            "Prompts by verdict",
            "Judged prompts per second, where a policy's on_prompt asks for it. failed: the scorer gave no scores.",
            "cps",
            [split(rate(PROMPTS), "verdict")],
        ),
        Panel(
            "What verdicts led to",
            "Verdicts on prompts (input) and windows (output) per second. would_block: flagged, but only looked on;"
            " bypassed: there was no verdict, and it was let pass.",
            "cps",
            [split(rate("unsay_guardrail_latency_seconds_count"), "phase", "result")],
        ),
        Panel(
            "Verdicts of users",
            "What people said of answers within an hour: missed, false_alarm, good.",
            "short",
            [split(increase("unsay_feedback_total", over="1h"), "verdict")],
        ),
    ]
)

RUNGS = of_all_policies(
    [
        Panel(
            "Rewinds by strategy",
            "Rewinds per second, by the rung of the ladder that was tried.",
            "cps",
            [split(rate(REWINDS), "strategy")],
        ),
        Panel(
            "Success by strategy",
            "Share of a strategy's rewinds whose retry was cleared. Strategies that were not tried have none.",
            "percentunit",
            [
                Query(
                    share(total(rate(REWINDS, 'outcome="cleared"'), "strategy"), total(rate(REWINDS), "strategy")),
                    "{{strategy}}",
                )
            ],
        ),
        Panel(
            "Rewinds by outcome",
            "Rewinds per second. flagged: the retry was flagged again; exhausted: no budget was left.",
            "cps",
            [split(rate(REWINDS), "outcome")],
        ),
    ]
)

TOXICITY = Board(
    "unsay-toxicity",
    "Toxicity",
    "What the model would have said, what was flagged, and what the guard made of it.",
    [
        Row("Now", NOW),
        Row(
            "Would have been released",
            _four("Would have been released", "Share of answers with a flagged span", ANSWERS, ANSWERS),
        ),
        Row("Flag rate", _four("Flag rate", "Share of judged spans that were flagged", SPANS, SPOKEN)),
        Row("Scores", SCORES),
        Row("What came of it", ENDS),
        Row("Rungs", RUNGS),
    ],
    by_category=True,
)
