"""What all choices of a server share."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from filters.judge import Judge
from server.generation.ending import Ending
from server.generation.observer import Observer
from server.generation.pairs import Pairs


@dataclass(frozen=True, slots=True)
class Services:
    """Who judges, who is told, the model's name, how a mask is written in its tokens, a clock in seconds.

    `pairs` takes the preference pairs of rewinds, if anybody wants them: they hold flagged text. `ending` is that of
    the server.
    """

    judge: Judge
    observer: Observer
    model: str
    encode: Callable[[str], list[int]]
    now: Callable[[], float] = time.monotonic
    pairs: Pairs | None = None
    ending: Ending = field(default_factory=Ending)
