"""What was seen, as the table of docs/servers.md."""

from reporting.markdown import table as written
from tests.servers.run import OneKilled, Together, WithoutScorer
from tests.servers.streams import SEEDS, STREAMS


def table(first: Together, second: WithoutScorer, third: OneKilled) -> str:
    """One row for each thing that was tried."""
    rewinds = sum(report["rewinds"] for report in first.streams.reports())
    same = sum(len(texts) == 1 for texts in first.streams.texts().values())
    drawn = " and ".join(f"{count:.0f}" for count in first.drawn())
    rows = [
        (f"{STREAMS} streams with {SEEDS} seeds", kinds(first.streams.kinds())),
        ("seeds whose four answers are the same", f"{same} of {SEEDS}"),
        ("rewinds, by reports and by `/metrics`", f"{rewinds} and {first.total('unsay_rewinds_total'):.0f}"),
        ("tokens drawn by each engine core", drawn),
        (f"{STREAMS} streams while the scorer does not answer", kinds(second.streams.kinds())),
        ("`/ready` meanwhile, and after it was killed", f"503, 200: {'yes' if second.back else 'no'}"),
        (f"one API server killed under {STREAMS} streams", kinds(third.streams.kinds())),
        ("exit status, processes and folders left", f"{third.code}, {len(third.left)}"),
    ]
    return written(("what", "seen"), rows)


def kinds(found: dict[str, int]) -> str:
    return ", ".join(f"{kind}: {count}" for kind, count in sorted(found.items()))
