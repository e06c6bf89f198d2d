"""From examples to tensors: shuffled, augmented, sorted by length so that little is padded, tokenized."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer
from torch import Tensor

from training.augment import Augment
from training.examples import Example

_POOL = 32  # batches that are sorted together


@dataclass(frozen=True, slots=True)
class Batch:
    """`ids` and `mask` are (texts, tokens), int64; `targets` and `weights` are (texts, categories), float32."""

    ids: Tensor
    mask: Tensor
    targets: Tensor
    weights: Tensor


def reading(tokenizer: Tokenizer, longest: int) -> Tokenizer:
    """Return the tokenizer, set to pad a batch to its longest text and to cut at `longest` tokens."""
    tokenizer.enable_truncation(longest)
    # Few lengths: for each new one the CPU's kernels are built again.
    tokenizer.enable_padding(pad_to_multiple_of=16)
    return tokenizer


def epoch(examples: Sequence[Example], augment: Augment, tokenizer: Tokenizer, size: int, seed: int) -> Iterator[Batch]:
    """Yield every example once, augmented, `size` at a time; the last few that fill no batch are left out."""
    rng = random.Random(seed)
    order = rng.sample(examples, len(examples))
    for start in range(0, len(order) - size + 1, size * _POOL):
        pool = order[start : start + size * _POOL]
        others = rng.sample(pool, len(pool))
        made = sorted(map(augment, pool, others), key=lambda example: len(example.text))
        batches = [made[at : at + size] for at in range(0, len(made) - size + 1, size)]
        for batch in rng.sample(batches, len(batches)):
            yield collate(batch, tokenizer)


def collate(examples: Sequence[Example], tokenizer: Tokenizer) -> Batch:
    """Return the examples as tensors."""
    encoded = tokenizer.encode_batch([example.text for example in examples])
    return Batch(
        torch.tensor([text.ids for text in encoded]),
        torch.tensor([text.attention_mask for text in encoded]),
        torch.tensor([example.targets for example in examples], dtype=torch.float32),
        torch.tensor([example.weights for example in examples], dtype=torch.float32),
    )
