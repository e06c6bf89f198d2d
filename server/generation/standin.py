"""What replaces a span that was not mended within budget: the policy's mask, or the least toxic candidate.

Candidates are the flagged continuations of one span, kept for policies that release one (`on_exhausted: flag`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from server.generation.draft import Draft
from server.generation.transcript import Transcript
from server.guard.commands import Substitute
from server.policy.policy import Policy

_UNREAD = 2.0  # on top of the score: whatever is read is better


@dataclass(frozen=True, slots=True)
class Candidate:
    """What stood after the release frontier when a window was flagged, and the highest of its scores."""

    worst: float
    draft: Draft
    scores: Mapping[str, float]


class StandIn:
    """Keeps the best candidate for one span; nothing is released meanwhile, so all begin at the same frontier.

    `encode` gives the tokens of a mask.
    """

    def __init__(self, policy: Policy, encode: Callable[[str], list[int]]) -> None:
        self._wanted = policy.on_exhausted == "flag" and policy.mode == "enforce"
        self._mask_text = policy.mask_text
        self._encode = encode
        self._best: Candidate | None = None

    def offer(
        self, transcript: Transcript, released: int, end: int, scores: Mapping[str, float], *, unread: bool = False
    ) -> None:
        """Note that the window that ends before token `end` was flagged; one with unread text is the last resort."""
        worst = max(scores.values(), default=0.0) + (_UNREAD if unread else 0.0)
        if self._wanted and (self._best is None or worst < self._best.worst):
            self._best = Candidate(worst, _cutting(transcript, released, end), scores)

    def put(self, what: Substitute, transcript: Transcript) -> Mapping[str, float]:
        """Append it to a transcript cut to where it belongs; return its scores (none for a mask)."""
        if what == "mask":
            transcript.append(Draft(self._encode(self._mask_text)))
            return {}
        if self._best is None:
            raise RuntimeError("a candidate was asked for before any was flagged")
        transcript.append(self._best.draft)
        return self._best.scores

    def forget(self) -> None:
        """Forget the candidates: the span is over."""
        self._best = None


def _cutting(transcript: Transcript, start: int, end: int) -> Draft:
    tokens: Sequence[int] = transcript.tokens[start:end]
    logprobs: Sequence[Any] = transcript.logprobs[start:end]
    whole = end == len(transcript.tokens) and transcript.ending is not None
    finish, stop = transcript.ending if whole and transcript.ending else (None, None)
    return Draft(tokens, logprobs, finish, stop)
