"""The figures of a round from what happened in it, and those of the benchmark from all rounds.

1. A round of plain and one of the guarded server that follow one another are a pair. Pairs are compared: the figure is
   the median over them, with its quartiles (`_low`, `_high`), so that a slow minute falls on both sides.
2. A figure that a round does not have (nothing was scored, say) is left out, never 0.
"""

import statistics
from collections.abc import Callable, Mapping, Sequence

from benchmarks.scrape import Samples
from benchmarks.usage import MIB, Cpu
from benchmarks.wire import Answer

Figures = Mapping[str, float]
Pair = tuple[Figures, Figures]
"""The figures of plain and of guarded."""

RATIOS = {
    "throughput_ratio": "tokens_per_second",
    "first_token_ratio": "first_token_ms",
    "latency_ratio": "answer_ms",
    "gap_p50_ratio": "gap_p50_ms",
    "gap_p99_ratio": "gap_p99_ms",
    "cpu_ratio": "cpu_seconds_per_1000_tokens",
}
"""Guarded through plain, of which figure."""

DIFFERENCES: Mapping[str, Callable[[Figures, Figures], float]] = {
    "added_loop_us_per_token": lambda plain, guarded: guarded["loop_us_per_token"] - plain["loop_us_per_token"],
    "added_first_steps": lambda plain, guarded: (
        (guarded["first_token_ms"] - plain["first_token_ms"]) / plain["gap_p50_ms"]
    ),
}
"""Guarded less plain. A step is the plain server's median gap between two tokens."""


def of_clients(answers: Sequence[Answer]) -> dict[str, float]:
    """Return what the clients saw."""
    tokens = sum(answer.tokens for answer in answers)
    seconds = max(answer.ended for answer in answers) - min(answer.asked for answer in answers)
    gaps = sorted(gap for answer in answers for gap in answer.gaps)
    found = {
        "tokens": float(tokens),
        "tokens_per_second": tokens / seconds,
        "first_token_ms": 1e3 * statistics.median(answer.first_seconds for answer in answers),
        "answer_ms": 1e3 * statistics.median(answer.seconds for answer in answers),
    }
    if gaps:
        found |= {"gap_p50_ms": 1e3 * percentile(gaps, 0.50), "gap_p99_ms": 1e3 * percentile(gaps, 0.99)}
    return found


def of_processes(cpu: Cpu, peak_bytes: int, tokens: float) -> dict[str, float]:
    """Return what the server used to release this many tokens."""
    return {
        "cpu_seconds_per_1000_tokens": 1e3 * cpu.tree / tokens,
        "loop_us_per_token": 1e6 * cpu.loop / tokens,
        "peak_memory_mib": peak_bytes / MIB,
    }


def of_guard(counted: Samples, tokens: float) -> dict[str, float]:
    """Return what the guard counted meanwhile."""
    total, mean = counted.total, counted.mean
    released, discarded = (total("unsay_tokens_total", fate=fate) for fate in ("released", "discarded"))
    cleared, flagged = (total("unsay_spans_total", verdict=verdict) for verdict in ("cleared", "flagged"))
    screened, judged = (total("unsay_screened_total", outcome=outcome) for outcome in ("cleared", "judged"))
    found = {
        "held_ms": _scaled(mean("unsay_held_seconds"), 1e3),
        "first_release_ms": _scaled(mean("unsay_first_release_seconds"), 1e3),
        "waste": _share(discarded, released),
        "flagged_share": _share(flagged, cleared),
        "rewinds_per_1000_tokens": 1e3 * total("unsay_rewinds_total") / tokens,
        "score_calls_per_1000_tokens": 1e3 * total("unsay_scoring_seconds_count") / tokens,
        "score_batch_size": mean("unsay_scoring_batch_size"),
        "score_call_ms": _scaled(mean("unsay_scoring_seconds"), 1e3),
        "screened_share": _share(screened, judged),
        "scorer_failures": total("unsay_scorer_failures_total"),
    }
    return {name: value for name, value in found.items() if value is not None}


def of_cell(key: str, pairs: Sequence[Pair]) -> dict[str, float]:
    """Return the benchmark's figures of one cell."""
    found: dict[str, float] = {}
    for name, figure in RATIOS.items():
        both = [(plain[figure], guarded[figure]) for plain, guarded in pairs if plain.get(figure)]
        found |= spread(f"{key}.{name}", [guarded / plain for plain, guarded in both if guarded])
    for name, difference in DIFFERENCES.items():
        found |= spread(f"{key}.{name}", [difference(*pair) for pair in pairs if "gap_p50_ms" in pair[0]])
    for side, index in (("plain_", 0), ("guarded_", 1)):
        names = dict.fromkeys(name for pair in pairs for name in pair[index])
        found |= {f"{key}.{side}{name}": _median([pair[index] for pair in pairs], name) for name in names}
    return found


def of_lengths(long: Sequence[Pair], short: Sequence[Pair]) -> dict[str, float]:
    """Return what a token of a long answer costs against one of a short answer.

    `per_token_cost_ratio`: how much more the guard slows long answers down than short ones; a plain model slows down
    anyway as its context grows. `loop_cost_ratio`: CPU time of the guarded server's event loop for each token.
    """
    slower = [_slowing(*pair) / _slowing(*other) for pair, other in zip(long, short, strict=True)]
    loops = [_loop(*pair) / _loop(*other) for pair, other in zip(long, short, strict=True) if _loop(*other)]
    return spread("long.per_token_cost_ratio", slower) | spread("long.loop_cost_ratio", loops)


def spread(key: str, values: Sequence[float]) -> dict[str, float]:
    """Return the median of values, and their quartiles; nothing of no values."""
    if not values:
        return {}
    low, middle, high = (percentile(sorted(values), share) for share in (0.25, 0.5, 0.75))
    return {key: middle, f"{key}_low": low, f"{key}_high": high}


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return a quantile of sorted values, interpolated. IndexError if there is none."""
    at = share * (len(ordered) - 1)
    below = ordered[int(at)]
    return below + (ordered[min(int(at) + 1, len(ordered) - 1)] - below) * (at - int(at))


def _slowing(plain: Figures, guarded: Figures) -> float:
    return plain["tokens_per_second"] / guarded["tokens_per_second"]


def _loop(_plain: Figures, guarded: Figures) -> float:
    return guarded["loop_us_per_token"]


def _median(figures: Sequence[Figures], name: str) -> float:
    return statistics.median(each[name] for each in figures if name in each)


def _scaled(value: float | None, by: float) -> float | None:
    return None if value is None else value * by


def _share(part: float, rest: float) -> float | None:
    return part / (part + rest) if part + rest else None
