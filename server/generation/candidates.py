"""The flagged continuations of one span, for policies that release the least toxic of them (`on_exhausted: flag`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from server.generation.draft import Draft
from server.generation.transcript import Transcript


@dataclass(frozen=True, slots=True)
class Candidate:
    """What stood behind the release frontier when a window was flagged, and the highest of its scores."""

    worst: float
    draft: Draft
    scores: Mapping[str, float]


class Candidates:
    """The best candidate for one span; nothing is released meanwhile, so all begin at the same frontier."""

    def __init__(self) -> None:
        self._best: Candidate | None = None

    def offer(self, transcript: Transcript, released: int, end: int, scores: Mapping[str, float]) -> None:
        worst = max(scores.values(), default=0.0)
        if self._best is None or worst < self._best.worst:
            self._best = Candidate(worst, _cutting(transcript, released, end), scores)

    def put_best(self, transcript: Transcript) -> Mapping[str, float]:
        """Append the best candidate to a transcript cut to the frontier; returns its scores."""
        if self._best is None:
            raise RuntimeError("a candidate was asked for before any was flagged")
        transcript.append(self._best.draft)
        return self._best.scores

    def forget(self) -> None:
        self._best = None


def _cutting(transcript: Transcript, start: int, end: int) -> Draft:
    tokens: Sequence[int] = transcript.tokens[start:end]
    logprobs: Sequence[Any] = transcript.logprobs[start:end]
    whole = end == len(transcript.tokens) and transcript.ending is not None
    finish, stop = transcript.ending if whole and transcript.ending else (None, None)
    return Draft(tokens, logprobs, finish, stop)
