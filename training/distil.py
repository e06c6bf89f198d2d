"""Learns the weights of a screen from a classifier's scores: soft targets, all categories and the highest of them.

Distillation as in Hinton et al. 2015, with cross-entropy on the teacher's probabilities. Same seed, passages and
scores: same weights.
"""

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from filters.scorers.screen import LAYERS, forward, hashed
from training.console import say

Weights = Mapping[str, Tensor]

_SAID_EVERY = 200  # steps
_WARM_UP = 100  # steps
_RARE = -2.0  # log odds to begin with: most passages have low scores
_HIGHEST_WEIGHS = 3.0  # as much as a category: it is what screens


@dataclass(frozen=True, slots=True)
class Plan:
    """The screen's size and how it is trained. `stretch_bits` and `word_bits`: tables of 2**bits rows."""

    stretch_bits: int = 17
    word_bits: int = 16
    width: int = 32
    hidden: int = 64
    epochs: int = 2
    batch: int = 512
    rate: float = 0.01
    seed: int = 0


def learn(plan: Plan, texts: Sequence[str], scores: NDArray[np.float32], start: Weights | None = None) -> Weights:
    """Return the weights for readable texts and their scores (texts, categories); report progress.

    `start`: those of a screen of the same shape and categories to go on from, which knows most words already.
    """
    weights = _going_on(start) if start else _fresh(plan, scores.shape[1])
    targets = torch.from_numpy(np.concatenate([scores.max(axis=1, keepdims=True), scores], axis=1))
    optimizer = torch.optim.Adam(weights.values(), lr=plan.rate, betas=(0.9, 0.99))
    weighs = torch.tensor([_HIGHEST_WEIGHS] + [1.0] * scores.shape[1])
    total, begun, seen = len(texts) // plan.batch * plan.epochs, time.monotonic(), 0.0
    for step, picked in enumerate(_batches(plan, len(texts))):
        for group in optimizer.param_groups:
            group["lr"] = plan.rate * min(1.0, (step + 1) / _WARM_UP) * (1 - step / total)
        logits = forward(weights, hashed(weights, [texts[index] for index in picked]))
        each = binary_cross_entropy_with_logits(logits, targets[picked], reduction="none")
        loss = (each * weighs).mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        seen = loss.item() if not step else seen + (loss.item() - seen) * 0.02
        if step % _SAID_EVERY == 0:
            say(f"step {step}/{total} {time.monotonic() - begun:.0f} s, loss {seen:.4f}")
    return {name: weight.detach() for name, weight in weights.items()}


def _fresh(plan: Plan, categories: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(plan.seed)

    def random_(*shape: int, spread: float) -> Tensor:
        return (torch.randn(*shape, generator=generator) * spread).requires_grad_()

    hidden, outputs = plan.hidden, 1 + categories
    shapes = (3 * plan.width, hidden), (3 * hidden, hidden), (2 * hidden, hidden), (hidden, outputs)
    weights = {
        "stretches": random_(1 << plan.stretch_bits, plan.width, spread=0.05),
        "words": random_(1 << plan.word_bits, plan.width, spread=0.05),
    }
    for name, shape in zip(LAYERS, shapes, strict=True):
        weights[name] = random_(*shape, spread=(3 * shape[0]) ** -0.5)
        start = _RARE if name == LAYERS[-1] else 0.0
        weights[f"{name}.bias"] = torch.full((shape[1],), start, requires_grad=True)
    return weights


def _going_on(start: Weights) -> dict[str, Tensor]:
    return {name: weight.detach().float().clone().requires_grad_() for name, weight in start.items()}


def _batches(plan: Plan, count: int) -> list[list[int]]:
    """Return every index once an epoch, shuffled; the last few that fill no batch are left out."""
    rng = random.Random(plan.seed)
    orders = [rng.sample(range(count), count) for _ in range(plan.epochs)]
    return [order[at : at + plan.batch] for order in orders for at in range(0, count - plan.batch + 1, plan.batch)]
