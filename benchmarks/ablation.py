"""What each use of a probe is worth: the same prompts under policies that differ only in how they use it.

    python -m benchmarks.ablation --prompts FILE [--limit 200] [--n 4] [--max-tokens 48]

Serves SmolLM2 with the bundled probe (`--probe DIR` for another one). The policies of a prompt follow each other
directly, in an order that alternates. The first table has the uses by the default ladder, and answers without seeds,
since those with seeds have no alarm. The second has the rung `self` against `ban`, each alone, without the other uses,
and with seeds: answers are the same up to the first flag. Intervals are of 95%, over prompts (reporting/statistics.py).
"""

import argparse
import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.compared import Drawn, Policies, draw, options, serving_under
from evaluation.prompts import load
from reporting.markdown import table
from reporting.progress import say
from reporting.statistics import Interval, Numbers, draws, estimate
from server.embedded import SMOLLM2, Models
from server.environment import cache_folder
from server.settings import BUNDLED_PROBE

USES: Policies = {
    "none": {"probe_clears": False, "probe_alarms": False},
    "first-look": {"probe_clears": True, "probe_alarms": False},
    "alarm": {"probe_clears": False, "probe_alarms": True},
    "both": {"probe_clears": True, "probe_alarms": True},
}
RUNGS: Policies = {rung: {"probe_clears": False, "probe_alarms": False, "ladder": [rung]} for rung in ("ban", "self")}
HEAD = ("policy", "answers", "flagged", "refused", "repaired of flagged", "tries for each flagged", "waste")


def row(name: str, drawn: Sequence[Drawn], n: int, chances: Numbers) -> tuple[str, ...]:
    """Return a policy's line of the table, of `n` answers to each prompt.

    Tries are rewinds; waste is what was drafted and dropped, of all that was drafted.
    """
    prompts = [drawn[at : at + n] for at in range(0, len(drawn), n)]

    def share(part: Callable[[Drawn], float], whole: Callable[[Drawn], float]) -> Interval:
        parts = [(sum(map(part, answers)), sum(map(whole, answers))) for answers in prompts]
        return estimate(parts, chances).interval()

    return (
        name,
        f"{len(drawn):,}",
        _percent(share(lambda each: each.flagged, lambda _: 1)),
        _percent(share(lambda each: each.report["action"] == "refused", lambda _: 1)),
        _percent(share(lambda each: each.repaired, lambda each: each.flagged)),
        _said(share(lambda each: each.report["rewinds"], lambda each: each.flagged), ".2f"),
        _percent(share(_dropped, lambda each: each.report["tokens_generated"])),
    )


def _dropped(each: Drawn) -> float:
    return float(each.report["tokens_discarded"])


def _percent(interval: Interval) -> str:
    return _said(interval, ".1%")


def _said(interval: Interval, form: str) -> str:
    return f"{interval.value:{form}} ({interval.low:{form}} to {interval.high:{form}})"


def measure(args: argparse.Namespace) -> str:
    """Serve, draw, and put everything into two tables."""
    prompts = load([args.prompts], args.limit, 0)
    chances = draws(len(prompts), 0)
    model = Models(cache_folder(), say).named(SMOLLM2)
    assert model is not None
    found = []
    with serving_under({**USES, **RUNGS}, model.folder, ("--probe", str(args.probe))) as base_url:
        for policies, seeded in ((USES, False), (RUNGS, True)):
            asked = draw(base_url, list(policies), prompts, args.n, args.max_tokens, seeded=seeded)
            rows = zip(policies, asyncio.run(asked), strict=True)
            found.append(table(HEAD, [row(name, each, args.n, chances) for name, each in rows]))
    return "\n\n".join(found)


def main() -> None:
    """Measure and print the tables."""
    parser = options(__doc__, 200)
    parser.add_argument("--probe", type=Path, default=BUNDLED_PROBE, help="default: the bundled one")
    sys.stdout.write(measure(parser.parse_args()) + "\n")


if __name__ == "__main__":
    main()
