"""Ways to compute a linear layer over tokens. In each, a token's outputs depend on that token alone.

`Full` is exact, and so is `OneDnn`, which adds up in another order: on CPUs other than Intel's torch alone does not use
AVX-512. The others are rough and fast: `BFloat16` and `Int8` on CPUs with the instructions for them (AVX512-BF16, VNNI;
without, they can be five and fourteen times slower), `Half` on GPUs. `BFloat16` is ten times as precise as `Int8`,
which matters in deep classifiers: the errors of twelve layers add up.
"""

from typing import Protocol

import torch
from torch.nn.functional import linear

from filters.scorers.encoder import Affine

_LEVELS = 127  # of int8, to either side of 0
_TINY = 1e-12  # in place of 0, which cannot be divided by


class Linear(Protocol):
    """A linear layer, ready to be run."""

    def __init__(self, affine: Affine) -> None: ...

    def __call__(self, tokens: torch.Tensor) -> torch.Tensor:
        """Map (tokens, inputs) to (tokens, outputs), both in single precision."""


class Full:
    """Single precision."""

    def __init__(self, affine: Affine) -> None:
        self._weight = affine.weight
        self._bias = affine.bias

    def __call__(self, tokens: torch.Tensor) -> torch.Tensor:
        """As `Linear`."""
        return linear(tokens, self._weight, self._bias)


class OneDnn:
    """Single precision, computed by oneDNN, with the instructions that this CPU has, whoever made it."""

    def __init__(self, affine: Affine) -> None:
        self._weight = affine.weight.contiguous()
        self._bias = affine.bias

    def __call__(self, tokens: torch.Tensor) -> torch.Tensor:
        """As `Linear`."""
        product: torch.Tensor = torch.ops.mkldnn._linear_pointwise(tokens, self._weight, self._bias, "none", [], "")
        return product


class BFloat16:
    """Products in bfloat16, summed up in single precision, computed by oneDNN."""

    def __init__(self, affine: Affine) -> None:
        self._weight = affine.weight.bfloat16().contiguous()
        self._bias = affine.bias.bfloat16()

    def __call__(self, tokens: torch.Tensor) -> torch.Tensor:
        """As `Linear`."""
        halves = tokens.bfloat16()
        product: torch.Tensor = torch.ops.mkldnn._linear_pointwise(halves, self._weight, self._bias, "none", [], "")
        return product.float()


class Half:
    """Products in half precision, summed up in single precision by the GPU."""

    def __init__(self, affine: Affine) -> None:
        self._weight = affine.weight.half()
        self._bias = affine.bias.half()

    def __call__(self, tokens: torch.Tensor) -> torch.Tensor:
        """As `Linear`."""
        return linear(tokens.half(), self._weight, self._bias).float()


class Int8:
    """Products of int8: each output has a scale for its weights, each token one for its inputs; sums are exact."""

    def __init__(self, affine: Affine) -> None:
        self._scales = affine.weight.abs().amax(dim=1).clamp_(min=_TINY) / _LEVELS
        self._weight = (affine.weight / self._scales[:, None]).round_().to(torch.int8).t()
        self._bias = affine.bias

    def __call__(self, tokens: torch.Tensor) -> torch.Tensor:
        """As `Linear`."""
        scales = tokens.abs().amax(dim=1, keepdim=True).clamp_(min=_TINY).div_(_LEVELS)
        levels = (tokens / scales).round_().to(torch.int8)
        sums: torch.Tensor = torch._int_mm(levels, self._weight)
        return torch.addcmul(self._bias, sums.float().mul_(scales), self._scales)
