import random
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer

from training.augment import Augment, WordWeights
from training.batches import collate, epoch, reading
from training.examples import Example, all_known, clean, only_toxicity

_EXAMPLES = [clean(f"word {'more ' * (number % 7)}{number}", "x") for number in range(50)]


@pytest.fixture
def tokenizer(bundled_classifier: Path) -> Tokenizer:
    """The bundled classifier's, cutting at 32 tokens."""
    return reading(Tokenizer.from_file(str(bundled_classifier / "tokenizer.json")), 32)


def test_texts_targets_and_masks_stand_in_the_same_rows(tokenizer: Tokenizer) -> None:
    batch = collate([all_known("a", (1.0, 0, 0, 0, 0.5, 0), "x"), only_toxicity("a longer text", 0.7, "y")], tokenizer)
    assert batch.ids.shape == batch.mask.shape == (2, 16)
    assert batch.mask.sum(dim=1).tolist() == [3, 5]
    assert torch.equal(batch.targets, torch.tensor([[1.0, 0, 0, 0, 0.5, 0], [0.7, 0, 0, 0, 0, 0]]))
    assert torch.equal(batch.weights, torch.tensor([[1.0] * 6, [1.0, 0, 0, 0, 0, 0]]))


def test_long_texts_are_cut(tokenizer: Tokenizer) -> None:
    assert collate([clean("word " * 100, "x")], tokenizer).ids.shape == (1, 32)


class _Counting(Augment):
    """Leaves every example as it is, and keeps it."""

    def __init__(self) -> None:
        super().__init__(WordWeights(_EXAMPLES), 0)
        self.seen: list[Example] = []

    def __call__(self, example: Example, other: Example) -> Example:
        self.seen.append(example)
        return example


def test_an_epoch_shows_every_example_once_in_full_batches(tokenizer: Tokenizer) -> None:
    augment = _Counting()
    batches = list(epoch(_EXAMPLES, augment, tokenizer, 8, seed=3))
    assert [len(batch.ids) for batch in batches] == [8] * 6
    assert sorted(augment.seen, key=_EXAMPLES.index) == _EXAMPLES


def test_the_seed_alone_decides_the_order(tokenizer: Tokenizer) -> None:
    def order(seed: int) -> list[list[int]]:
        augment = Augment(WordWeights(_EXAMPLES), 0)
        return [batch.ids.flatten().tolist() for batch in epoch(_EXAMPLES, augment, tokenizer, 8, seed)]

    random.seed()
    assert order(1) == order(1)
    assert order(1) != order(2)
