"""What was learned beside a classifier: corrections to its categories and categories of one's own, over its embeddings.

1. A head is linear in the embedding of a piece, which the classifier's own pass brings along: no second pass.
2. The classifier's weights are never touched: a correction is added to its log odds.
3. A correction is silent within its `quiet` band: what looks like nothing that was reported keeps its score exactly.
4. The embedding is made of means over the tokens before the first layer (which words there are) and after two thirds
   of the layers (what is said), and of the last state of the first token (what the classifier makes of it).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from filters.category import Category

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

EMBEDDING = "words, two thirds, first"
"""How embeddings are made: heads that were fitted to others are refused."""


class Output(NamedTuple):
    """What a classifier says of some pieces: log odds (pieces, outputs) and embeddings (pieces, width)."""

    logits: torch.Tensor
    embeddings: torch.Tensor

    def first(self, count: int) -> Output:
        """Return what it says of the first pieces."""
        return Output(self.logits[:count], self.embeddings[:count])


def seen_after(layers: int) -> int:
    """Return after how many layers tokens are averaged: two thirds, and never after the last one."""
    return min(layers - 1, (2 * layers + 1) // 3)


@dataclass(frozen=True, slots=True)
class Heads:
    """`own` (categories, width) with a bias each, and `corrections` (any number, width), each to the category `of` it.

    `of` counts the classifier's categories, and then the own ones. `version` names all of this.
    """

    version: str
    categories: tuple[Category, ...]
    own: torch.Tensor
    own_bias: torch.Tensor
    corrections: torch.Tensor
    correction_bias: torch.Tensor
    quiet: torch.Tensor
    of: tuple[int, ...]

    def __call__(self, output: Output, base: int) -> torch.Tensor:
        """Return log odds (pieces, base + own): the first `base` outputs, corrected, and the own categories."""
        import torch

        logits = output.logits[:, :base]
        if self.categories:
            logits = torch.cat([logits, output.embeddings @ self.own.T + self.own_bias], dim=1)
        if not self.of:
            return logits
        said = output.embeddings @ self.corrections.T + self.correction_bias
        loud = torch.sign(said) * (said.abs() - self.quiet).clamp(min=0.0)
        return logits.index_add(1, torch.tensor(self.of), loud)


def nothing(width: int, version: str = "") -> Heads:
    """Return heads that change nothing."""
    import torch

    none = torch.zeros(0)
    return Heads(version, (), torch.zeros(0, width), none, torch.zeros(0, width), none, none, ())


def with_correction(heads: Heads, of: int, weight: NDArray[np.float64], bias: float, quiet: float) -> Heads:
    """Return heads with one more correction."""
    import torch

    return replace(
        heads,
        corrections=torch.cat([heads.corrections, _row(weight)]),
        correction_bias=torch.cat([heads.correction_bias, torch.tensor([bias])]),
        quiet=torch.cat([heads.quiet, torch.tensor([quiet])]),
        of=(*heads.of, of),
    )


def with_category(heads: Heads, name: Category, weight: NDArray[np.float64], bias: float, base: int) -> Heads:
    """Return heads with a category of one's own; one of this name, and what corrected it, are gone."""
    import torch

    heads = _without(heads, name, base)
    return replace(
        heads,
        categories=(*heads.categories, name),
        own=torch.cat([heads.own, _row(weight)]),
        own_bias=torch.cat([heads.own_bias, torch.tensor([bias])]),
    )


def _row(weight: NDArray[np.float64]) -> torch.Tensor:
    import torch

    return torch.as_tensor(weight, dtype=torch.float32)[None, :]


def _without(heads: Heads, name: Category, base: int) -> Heads:
    if name not in heads.categories:
        return heads
    gone = heads.categories.index(name)
    kept = [index for index in range(len(heads.categories)) if index != gone]
    rest = [index for index, of in enumerate(heads.of) if of != base + gone]
    return replace(
        heads,
        categories=tuple(heads.categories[index] for index in kept),
        own=heads.own[kept],
        own_bias=heads.own_bias[kept],
        corrections=heads.corrections[rest],
        correction_bias=heads.correction_bias[rest],
        quiet=heads.quiet[rest],
        of=tuple(heads.of[index] - (heads.of[index] > base + gone) for index in rest),
    )


def rms(errors: torch.Tensor) -> Sequence[float]:
    """Return the root mean square of each column."""
    found: list[float] = errors.square().mean(dim=0).sqrt().tolist()
    return found
