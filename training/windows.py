"""Stretches of tokens, drawn at random places of each source, the sources by their shares."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from training.corpus import Tokens


class Windows:
    """Draws batches of windows. Same seed, tokens and `position`: same batch."""

    def __init__(self, tokens: dict[str, Tokens], shares: dict[str, float], seed: int) -> None:
        self._tokens = {name: part for name, part in tokens.items() if part.size}
        total = sum(shares[name] for name in self._tokens)
        self._shares = [shares[name] / total for name in self._tokens]
        self._seed = seed
        self.position = 0

    def take(self, count: int, length: int) -> Tensor:
        """Draw `count` windows of `length` tokens: (count, length), int64. ValueError if a source is shorter."""
        rng = np.random.default_rng((self._seed, self.position))
        self.position += 1
        names = rng.choice(list(self._tokens), size=count, p=self._shares)
        rows = [self._window(str(name), length, rng) for name in names]
        return torch.from_numpy(np.stack(rows).astype(np.int64))

    def _window(self, name: str, length: int, rng: np.random.Generator) -> Tokens:
        part = self._tokens[name]
        if part.size < length:
            raise ValueError(f"{name}: {part.size} tokens are less than a window of {length}")
        start = int(rng.integers(0, part.size - length + 1))
        return part[start : start + length]


def in_order(tokens: Tokens, length: int, limit: int) -> Iterator[Tensor]:
    """Yield the first `limit` tokens, `length` at a time, each window beginning with the last token of the previous."""
    for start in range(0, min(tokens.size, limit) - length, length):
        yield torch.from_numpy(tokens[start : start + length + 1].astype(np.int64))[None]
