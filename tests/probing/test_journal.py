"""Batches are made once, and what was cut short is made again."""

from pathlib import Path

import torch

from probing.journal import Journal
from probing.writing import Written

BATCH = [Written([1, 2], torch.ones(2, 3).half()), Written([], torch.empty(0, 3).half())]


def test_a_batch_is_made_once(tmp_path: Path) -> None:
    made: list[int] = []

    def make() -> list[Written]:
        made.append(1)
        return BATCH

    for _ in range(2):
        found = Journal(tmp_path).batch(4, make)
        assert [each.tokens for each in found] == [[1, 2], []]
        assert torch.equal(found[0].states, BATCH[0].states)
    assert made == [1]


def test_one_that_cannot_be_read_is_made_again(tmp_path: Path) -> None:
    Journal(tmp_path).batch(0, lambda: BATCH)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:20])
    assert len(Journal(tmp_path).batch(0, lambda: BATCH)) == 2


def test_at_the_end_nothing_is_left(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.batch(0, lambda: BATCH)
    journal.remove()
    assert list(tmp_path.iterdir()) == []
