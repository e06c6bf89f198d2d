"""What may be shown of the tokens that were *not* drawn: they leave the server too, through logprobs.

1. An alternative is judged as a reader would see it: as a text of its own, and as the end of the word that it would
   have continued, be it in the prompt. A flagged one keeps its place, logprob and rank, and loses its name
   (withholding.py); the drawn token and the ids that the client asked for by name (`logprob_token_ids`) keep theirs.
2. Scores are kept: a vocabulary is small, its likely tokens are fewer, and a server soon knows most of them.
3. Without a verdict (scorer down or late) no alternative has a name, unless the policy is open.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from filters.boundaries import word_start
from filters.judge import Judge
from filters.scorer import ScorerUnavailable, Scores
from server.engine.withholding import withhold
from server.generation.outlet import Piece
from server.policy.policy import Policy
from server.policy.standard import standard

TEXTS_A_CALL = 64
"""Fewer than the scorer's queue holds, so that many requests for logprobs fit into it."""


class AlternativeScores:
    """The scores of the texts looked up most recently, shared by all requests."""

    def __init__(self, judge: Judge, most: int = 1 << 16) -> None:
        self._judge = judge.about("prompts")
        self._most = most
        self._known: OrderedDict[str, Scores] = OrderedDict()

    async def of(self, texts: Collection[str], client: Hashable = None) -> Mapping[str, Scores]:
        """Return scores by text, had in this client's turns. ScorerUnavailable if any cannot be had."""
        judge = self._judge.of(client)
        found = {text: self._known[text] for text in texts if text in self._known}
        new = [text for text in dict.fromkeys(texts) if text not in found]
        for start in range(0, len(new), TEXTS_A_CALL):
            some = new[start : start + TEXTS_A_CALL]
            found |= zip(some, await judge.scores(some), strict=True)
        self._remember(found)
        return found

    def forget(self) -> None:
        """Forget all scores: another scorer judges from now on."""
        self._known.clear()

    def _remember(self, found: Mapping[str, Scores]) -> None:
        for text, scores in found.items():
            self._known[text] = scores
            self._known.move_to_end(text)
        while len(self._known) > self._most:
            self._known.popitem(last=False)


@dataclass
class Alternatives:
    """The alternatives of one choice: `wanted` are the token ids that the client named itself.

    `word` is the part of a word that the next token may continue, `client` whose turns they have at the scorer.
    """

    scores: AlternativeScores
    policy: Policy
    decode: Callable[[int], str]
    wanted: frozenset[int] = frozenset()
    word: str = ""
    client: Hashable = None

    async def clear(self, piece: Piece) -> Piece:
        """Return the piece with the logprobs that may be shown."""
        if self.policy.mode != "enforce" or not piece.logprobs:
            return piece
        return replace(piece, logprobs=await self.cleared(piece.tokens, piece.logprobs))

    async def cleared(self, tokens: Sequence[int], entries: Sequence[Any]) -> list[Any]:
        """Return one entry a token, the alternatives that are flagged without their names. Entries may be None."""
        readings = [self._readings(token, entry) for token, entry in zip(tokens, entries, strict=True)]
        flagged = await self._flagged({text for reading in readings for texts in reading.values() for text in texts})
        return [
            entry and withhold(entry, {token for token, texts in reading.items() if not flagged.isdisjoint(texts)})
            for entry, reading in zip(entries, readings, strict=True)
        ]

    def _readings(self, drawn: int, entry: Any) -> dict[int, tuple[str, ...]]:
        """Return for each alternative the texts that a reader could make of it."""
        if not entry:
            self.word = ""
            return {}
        readings = {
            token: _as_read(self.word, self._text_of(token, value))
            for token, value in entry.items()
            if token >= 0 and token != drawn and token not in self.wanted
        }
        text = self.word + self._text_of(drawn, entry[drawn]) if drawn in entry else ""
        self.word = text[word_start(text, len(text)) :]
        return readings

    def _text_of(self, token: int, value: Any) -> str:
        # vLLM leaves the text out for requests that want tokens only.
        return self.decode(token) if value.decoded_token is None else str(value.decoded_token)

    async def _flagged(self, texts: Collection[str]) -> frozenset[str]:
        try:
            scores = await self.scores.of(texts, self.client)
        except ScorerUnavailable:
            return frozenset() if self.policy.on_scorer_failure == "open" else frozenset(texts)
        thresholds = standard(self.policy).strictest  # a word alone is in no language for sure
        return frozenset(text for text in texts if thresholds.exceeded(scores[text]))


def _as_read(word: str, text: str) -> tuple[str, ...]:
    alone = text.strip()
    if not word or not text or text[0].isspace():
        return (alone,) if alone else ()
    return (alone, word + alone) if alone else ()
