"""How the next attempt is drafted: what the rungs of `server/guard/ladder.py` mean in practice.

1. A rung that bans bars the token that stands at the place it rewinds to. Where tokens are not drawn by chance every
   rung does, since the same would be drawn again. A ban belongs to a position: it is dropped with the text before.
2. A parallel one drafts several attempts in a race. Without chance there is only one candidate.
3. One that avoids makes the words at which the text turned, in all attempts at this place, unlikely for some tokens.
4. One that turns has the engine turn logits away by the model's own probe, for some tokens.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

from filters.judge import Judge
from filters.scorer import ScorerUnavailable
from server.generation.draft import Attempt, Draft, Engine
from server.generation.race import Race
from server.generation.transcript import Transcript, word
from server.guard.commands import Rewind
from server.guard.events import TokenSpan
from server.guard.ladder import Rung, meaning
from server.guard.state import GuardState
from server.policy.policy import Policy
from server.policy.standard import standard

FRESH = Rung(bans=False)
"""An attempt that no rewind led to changes nothing."""


class Retrying:
    """Prepares the attempts of one choice. `greedy`: tokens are not drawn by chance."""

    def __init__(self, engine: Engine, transcript: Transcript, policy: Policy, judge: Judge, *, greedy: bool) -> None:
        self._engine = engine
        self._transcript = transcript
        self._policy = policy
        self._judge = judge
        self._thresholds = standard(policy).strictest
        self._greedy = greedy
        self._turned: frozenset[int] = frozenset()
        self._bans: dict[int, set[int]] = {}

    def turned_at(self, onset: int) -> None:
        """Note that the text was flagged and turned at token `onset`: its word is one to avoid."""
        self._turned |= word(self._transcript, onset)

    def calm(self) -> None:
        """Note that the place that gave trouble is passed."""
        self._turned = frozenset()

    def rewound(self, rewind: Rewind) -> None:
        """Bar, before the cut, the token that stands where the next attempt begins, if any does."""
        tokens = self._transcript.tokens[rewind.to : rewind.to + 1]
        if meaning(rewind.strategy).bans or self._greedy:
            self._bans.setdefault(rewind.to, set()).update(tokens)

    def cut(self, to: int) -> None:
        """Forget the text from token `to` on, and every ban after it."""
        self._bans = {at: tokens for at, tokens in self._bans.items() if at <= to}

    def drafts(self, state: GuardState, rewind: Rewind | None) -> Race:
        """Return the current attempt, after the tokens that stand; `rewind` led to it, if one did."""
        retry, rung = (rewind.retry, meaning(rewind.strategy)) if rewind else (0, FRESH)
        kept = tuple(self._transcript.tokens)
        banned = frozenset(self._bans.get(len(kept), ()))
        avoided = self._turned if rung.avoids else frozenset()
        width = self._policy.parallel_candidates if rung.parallel and not self._greedy else 1
        attempt = Attempt(state.attempt, kept, banned, retry, 0, avoided, rung.avoids, rung.turns)
        attempts = [replace(attempt, candidate=at) for at in range(width)]
        return Race(self._engine, attempts, self._policy.stride, lambda drafts: self._excess(drafts, state))

    async def _excess(self, drafts: Sequence[Draft], state: GuardState) -> float:
        """Return by how much the candidate, with its context, exceeds a threshold; infinite without a score."""
        fork = self._transcript.fork()
        for draft in drafts:
            fork.append(draft)
        start = max(state.conceded, state.cleared - self._policy.context)
        passage, _ = fork.passage(TokenSpan(start, len(fork.tokens)), state.released)
        try:
            (scores,) = await self._judge.scores([passage.text])
        except ScorerUnavailable:
            return math.inf
        return self._thresholds.excess(scores)
