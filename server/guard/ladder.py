"""What to try on a flag, and when to give up.

A policy's ladder names a strategy for each rewind at one place, in order; the last one is repeated. A strategy is a row
of the table below: its place to rewind to, never before the release frontier, and what it changes, which is the
driver's business (`server/generation/retrying.py`). A new one of known parts is a row here, its name in the policy, and
nothing else: docs/policies.md is made from this table. A request that can only be drafted again as a whole restarts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, assert_never

from server.guard.commands import Way
from server.guard.events import Places
from server.guard.state import GuardState
from server.policy.policy import Policy, Strategy

Place = Literal["onset", "clause", "sentence", "previous_sentence", "start"]

STEERED = 32
"""Tokens for which `steer` avoids words and `self` turns: about a sentence."""


@dataclass(frozen=True, slots=True)
class Rung:
    """Where a strategy goes back to, and what it changes there.

    `bans`: the token that stood there is barred, which it always is where tokens are not drawn by chance. `parallel`:
    several candidates are drafted at once, where chance draws them. `avoids`: for how many tokens the words at which
    the text turned are made unlikely; `turns`: for how many the model's own probe turns away what is drawn.
    """

    place: Place = "onset"
    bans: bool = True
    parallel: bool = False
    avoids: int = 0
    turns: int = 0


RUNGS: Mapping[Strategy, Rung] = {
    "resample": Rung(bans=False),
    "ban": Rung(),
    "clause": Rung("clause"),
    "sentence": Rung("sentence"),
    "previous_sentence": Rung("previous_sentence"),
    "candidates": Rung(parallel=True),
    "steer": Rung(avoids=STEERED),
    "self": Rung(turns=STEERED),
}
"""What the words of a policy's ladder mean."""
RESTART = Rung("start")


def meaning(way: Way) -> Rung:
    """Return what a way to draft again goes back to and changes."""
    return RESTART if way == "restart" else RUNGS[way]


def exhausted(state: GuardState, policy: Policy, *, spent: bool) -> bool:
    """Return whether the budget of the span, of the request, of tokens or of seconds allows no further rewind."""
    return (
        spent
        or state.span_rewinds >= policy.max_rewinds_per_span
        or state.rewinds >= policy.max_rewinds
        or state.discarded >= policy.max_discarded_tokens
        or (state.restart_only and state.released > 0)
    )


def next_rewind(state: GuardState, policy: Policy, places: Places, onset: int) -> tuple[Way, int]:
    """Return the way of the next attempt and the index that it rewinds to, for text that turns at `onset`."""
    rung = policy.ladder[min(state.span_rewinds, len(policy.ladder) - 1)]
    way: Way = "restart" if state.restart_only else rung
    return way, max(state.released, min(onset, _index(meaning(way).place, places, onset)))


def _index(place: Place, places: Places, onset: int) -> int:
    match place:
        case "onset":
            return onset
        case "clause":
            return places.clause
        case "sentence":
            return places.sentence
        case "previous_sentence":
            return places.previous_sentence
        case "start":
            return 0
        case _:
            assert_never(place)
