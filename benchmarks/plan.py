"""What is measured: the runs, and the cells (a run at a number of streams) that take turns in every round."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Length = Literal["usual", "short", "long"]

SIDE_STREAMS = 8
"""About how many streams the runs have that are measured at one number of streams only."""
PROMPT_TOKENS = 64
"""More than any prompt has: the room reserved for it in the model's context."""


@dataclass(frozen=True, slots=True)
class Run:
    """A kind of traffic. `everywhere`: at every number of streams. `large`: on the large model, its own server."""

    name: str
    what: str
    scorer: str = "real"
    length: Length = "usual"
    everywhere: bool = False
    arriving: bool = False
    large: bool = False


RUNS = {
    run.name: run
    for run in (
        Run("clean", "clean prompts", everywhere=True),
        Run("flag5", "about 5%% of the spans flagged on purpose", scorer="flagging", everywhere=True),
        Run("noop", "a scorer that does nothing: the guard's own cost", scorer="nothing", everywhere=True),
        Run("open", "requests that arrive at a fixed rate, clean prompts", arriving=True),
        Run("short", "short answers", length="short"),
        Run("long", "long answers; brings short with it, which it is compared with", length="long"),
        Run("large", "the bundled model grown to 340M parameters, clean prompts", large=True),
    )
}


@dataclass(frozen=True)
class Settings:
    """The options of `unsay bench`, checked. `rate`: requests a second of open loops, None: from plain's throughput."""

    model: str | None
    runs: tuple[str, ...]
    streams: tuple[int, ...]
    rounds: int
    requests: int | None
    tokens: int
    short_tokens: int
    long_tokens: int
    rate: float | None
    seed: int
    seeded: bool
    timeout_seconds: float
    start_seconds: float
    out: Path
    words: tuple[str, ...]
    """Words of `unsay serve`, for the servers that are measured."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A run at a number of streams: `requests` answers of `tokens` tokens in every round of each server."""

    run: Run
    streams: int
    requests: int
    tokens: int

    @property
    def key(self) -> str:
        """What its figures are called."""
        return self.run.name if self.run.arriving else f"{self.run.name}.c{self.streams}"


def cells(settings: Settings, context: int, *, large: bool) -> list[Cell]:
    """Return the cells of one model, which can hold `context` tokens."""
    runs = [RUNS[name] for name in settings.runs if RUNS[name].large == large]
    return [_cell(settings, run, streams, context) for run in runs for streams in _streams(settings.streams, run)]


def _streams(streams: Sequence[int], run: Run) -> Sequence[int]:
    return streams if run.everywhere else [min(streams, key=lambda count: abs(count - SIDE_STREAMS))]


def _cell(settings: Settings, run: Run, streams: int, context: int) -> Cell:
    wanted = {"usual": settings.tokens, "short": settings.short_tokens, "long": settings.long_tokens}[run.length]
    usual = streams if run.length == "long" or run.large else max(SIDE_STREAMS, 2 * streams)
    return Cell(run, streams, max(streams, settings.requests or usual), min(wanted, context - PROMPT_TOKENS))
