"""What the scripted engine writes: a function of a seed and the tokens before, and fond of what is flagged."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from tests.fuzz import FLAGGED

CLEAN = (
    " the",
    " old",
    " church",
    " was",
    " built",
    " in",
    " and",
    " a",
    " of",
    " town",
    " people",
    " first",
    "s",
    ".",
)
ODD = ("\U0001f987", "日本", "é", "\n", "  ", "\n\n", "\t", "-", "'s", " ...")
OTHERS = (*CLEAN, " river", "river", "er", "ver", "pish", "ish", "moth", " garden", "th")
CALL = '<tool_call>\n{"name": "find", "arguments": {"what": "the %s"}}\n</tool_call>'
THOUGHT, SAID = "Here is my thought process:", " Here is my response:"
"""What vLLM's parser for Granite tells reasoning by."""
LONGEST = 28


@dataclass
class Writer:
    """`flags` is how often a word is a flagged one, 0..1; `calls`: it answers by a tool call; `thinks`: aloud first."""

    tokenizer: Any
    seed: int
    flags: float
    calls: bool = False
    thinks: bool = False
    _plans: dict[tuple[int | None, tuple[int, ...]], list[int]] = field(default_factory=dict)
    _others: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self._others = [self._ids(text)[0] for text in OTHERS]

    def __call__(self, prompt: Sequence[int], drawn: Sequence[int], seed: int | None) -> list[int]:
        """The planned token first, then others: words, and ends of flagged ones."""
        plan = self._plan(seed, ())
        for at, token in enumerate(drawn):
            if at >= len(plan) or plan[at] != token:
                plan = [*drawn[: at + 1], *self._plan(seed, tuple(drawn[: at + 1]))]
        chance = random.Random(f"{self.seed} {len(drawn)}")
        others = chance.sample(self._others, 6)
        planned = plan[len(drawn)] if len(drawn) < len(plan) else self.tokenizer.eos_token_id
        return list(dict.fromkeys([planned, *others]))

    def _plan(self, seed: int | None, before: tuple[int, ...]) -> list[int]:
        """What would follow the tokens `before` if nobody interfered."""
        if (seed, before) not in self._plans:
            chance = random.Random(f"{self.seed} {seed} {before}")
            self._plans[seed, before] = self._burst(chance, len(before))
        return self._plans[seed, before]

    def _burst(self, chance: random.Random, at: int) -> list[int]:
        if self.calls and not at:
            return self._ids(CALL % chance.choice([*FLAGGED, "church"]))
        if self.thinks and not at:
            thought, said = self._words(chance, LONGEST // 2), self._words(chance, LONGEST // 2)
            return [*self._ids(THOUGHT), *thought, *self._ids(SAID), *said, self.tokenizer.eos_token_id]
        return [*self._words(chance, LONGEST - at), self.tokenizer.eos_token_id]

    def _words(self, chance: random.Random, count: int) -> list[int]:
        plan: list[int] = []
        while len(plan) < count and chance.random() > 0.04:
            plan += self._word(chance)
        return plan

    def _word(self, chance: random.Random) -> list[int]:
        if chance.random() < self.flags:
            return self._pieces(chance, " " + chance.choice(FLAGGED))
        kind = chance.random()
        if kind < 0.1:
            return self._ids(chance.choice(ODD))
        if kind < 0.13:
            return self._ids(chance.choice(ODD))[:-1]  # half a character, if it has several tokens
        return self._ids(chance.choice(CLEAN))

    def _pieces(self, chance: random.Random, text: str) -> list[int]:
        """A text in pieces cut anywhere, now and then with a special token between them, in any case."""
        text = chance.choice((text, text, text.upper(), text.title()))
        cuts = sorted(chance.sample(range(1, len(text)), chance.choice((0, 0, 1, 2, len(text) - 1))))
        parts = [self._ids(text[start:end]) for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
        if len(parts) > 1 and chance.random() < 0.15:
            parts.insert(1, [chance.choice(self.tokenizer.all_special_ids)])
        return [token for part in parts for token in part]

    def _ids(self, text: str) -> list[int]:
        return list(_encoded(self.tokenizer, text))


@lru_cache(maxsize=4096)
def _encoded(tokenizer: Any, text: str) -> tuple[int, ...]:
    return tuple(tokenizer.encode(text, add_special_tokens=False))
