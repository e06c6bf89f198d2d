"""Cost: the time that the guard adds, the tokens that it throws away, and the scorer."""

from dashboards.board import Board, Row
from dashboards.panels import TOKENS_A_SECOND, Panel, Query, number, of_all_policies, split, spread
from dashboards.queries import mean, now, quantile, rate, share, total

TOKENS, RELEASED, DISCARDED = "unsay_tokens_total", 'fate="released"', 'fate="discarded"'
WASTE = share(total(rate(TOKENS, DISCARDED)), total(rate(TOKENS)))
LATENCY = "unsay_guardrail_latency_seconds"

NOW = of_all_policies(
    [
        number(
            "Added to the first token, p95",
            "Nineteen of twenty answers showed their first text no later than this after its first token was drafted.",
            "s",
            quantile(0.95, "unsay_first_text_held_seconds"),
        ),
        number(
            "Held back, p95",
            "Nineteen of twenty released pieces waited no longer than this between drafting and release.",
            "s",
            quantile(0.95, "unsay_held_seconds"),
        ),
        number("Waste", "Share of drafted tokens that rewinds threw away.", "percentunit", WASTE),
        number(
            "Guarded tokens",
            "Tokens per second that were released.",
            TOKENS_A_SECOND,
            total(rate(TOKENS, RELEASED)),
        ),
    ]
)

TIME = of_all_policies(
    [
        spread(
            "Added to the first token",
            "From an answer's first drafted token to its first released text, rewinds in between included.",
            "unsay_first_text_held_seconds",
            6,
        ),
        spread(
            "First release",
            "From a request's arrival to the first text that it released: queueing, prefill, and what the guard adds.",
            "unsay_first_release_seconds",
            6,
        ),
        spread(
            "Held back",
            "From drafted to released: the guard's own addition to the time between tokens.",
            "unsay_held_seconds",
            6,
        ),
        spread(
            "Rewind",
            "From a flagged verdict to the first token drafted in place of the dropped ones.",
            "unsay_rewind_seconds",
            6,
        ),
    ]
)

WASTED = of_all_policies(
    [
        Panel(
            "Guarded against drafted tokens",
            "Tokens per second that were drafted, and that were released of them.",
            TOKENS_A_SECOND,
            [Query(total(rate(TOKENS)), "drafted"), Query(total(rate(TOKENS, RELEASED)), "guarded")],
        ),
        Panel("Waste over time", "discarded / (released + discarded).", "percentunit", [Query(WASTE, "waste")]),
        Panel(
            "Waste by instance",
            "The same for each replica: they should be alike under the same traffic.",
            "percentunit",
            [Query(share(total(rate(TOKENS, DISCARDED), "instance"), total(rate(TOKENS), "instance")), "{{instance}}")],
        ),
    ]
)

SCORER = of_all_policies(
    [
        Panel(
            "Time to a verdict, p95",
            "From a prompt (input) or window (output) that is to be judged to its verdict, waiting included.",
            "s",
            [Query(quantile(0.95, LATENCY, "phase", "result"), "{{phase}} {{result}}")],
            width=6,
        ),
        spread("Scoring time", "One forward pass of the scorer, waiting not included.", "unsay_scoring_seconds", 6),
        Panel(
            "Batch size",
            "Texts in one forward pass. It grows with load: spans of all requests share a pass.",
            "short",
            [Query(mean("unsay_scoring_batch_size"), "mean"), Query(quantile(0.95, "unsay_scoring_batch_size"), "p95")],
            width=6,
        ),
        Panel(
            "Queue",
            "Texts that wait for the scorer. A full queue fails calls as overloaded.",
            "short",
            [split(now("unsay_scoring_queue_depth"), "instance", "urgency")],
            width=6,
        ),
        Panel(
            "Texts by screen and classifier",
            "Texts per second that the screen cleared and those that the classifier had to judge.",
            "cps",
            [split(rate("unsay_screened_total"), "outcome")],
        ),
        Panel(
            "Windows by the model's probe",
            "Windows per second that the model's own probe cleared, or left to the scorer (judged), and its alarms.",
            "cps",
            [split(rate("unsay_probed_total"), "outcome")],
        ),
        Panel(
            "Texts that nobody waited for",
            "Texts per second that were never scored: their client had left, or their call was late or had failed.",
            "cps",
            [split(rate("unsay_scoring_dropped_total"), "urgency")],
        ),
    ]
)

ENGINE = of_all_policies(
    [
        Panel(
            "Tokens of the engine",
            "Tokens per second that vLLM drew, thrown-away ones included, and those of prompts.",
            TOKENS_A_SECOND,
            [
                Query(total(rate("vllm:generation_tokens_total")), "generated"),
                Query(total(rate("vllm:prompt_tokens_total")), "prompt"),
            ],
        ),
        spread(
            "Time to first token, unguarded",
            "The engine's own, before any guard: compare with First release.",
            "vllm:time_to_first_token_seconds",
        ),
        Panel(
            "Prefix cache",
            "Share of prompt tokens found in the prefix cache. Rewinds by resubmission rely on it.",
            "percentunit",
            [
                Query(
                    share(total(rate("vllm:prefix_cache_hits_total")), total(rate("vllm:prefix_cache_queries_total"))),
                    "hits",
                )
            ],
        ),
    ]
)

COST = Board(
    "unsay-cost",
    "Cost",
    "What the guard takes: time before text is seen, tokens that are thrown away, and the scorer's work.",
    [
        Row("Now", NOW),
        Row("Added latency", TIME),
        Row("Waste", WASTED),
        Row("Scorer", SCORER),
        Row("vLLM", ENGINE),
    ],
)
