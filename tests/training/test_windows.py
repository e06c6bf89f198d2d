import numpy as np
import pytest
import torch

from training.windows import Windows, in_order

_TOKENS = {"low": np.arange(100, dtype=np.uint16), "high": np.arange(1_000, 1_100, dtype=np.uint16)}


def _windows(seed: int = 0, **shares: float) -> Windows:
    return Windows(_TOKENS, shares or {"low": 0.75, "high": 0.25}, seed)


def test_windows_are_stretches_of_one_source() -> None:
    batch = _windows().take(200, 10)
    assert batch.shape == (200, 10)
    assert batch.dtype == torch.int64
    assert (batch.diff(dim=1) == 1).all()


def test_sources_are_drawn_by_their_shares() -> None:
    batch = _windows().take(2_000, 4)
    assert float((batch[:, 0] < 100).double().mean()) == pytest.approx(0.75, abs=0.04)


def test_the_same_seed_and_position_give_the_same_batch() -> None:
    first = _windows(7)
    batches = [first.take(3, 8) for _ in range(3)]
    later = _windows(7)
    later.position = 2
    assert torch.equal(later.take(3, 8), batches[2])
    assert not torch.equal(batches[0], batches[1])
    assert not torch.equal(_windows(8).take(3, 8), batches[0])


def test_a_window_longer_than_a_source_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="low: 100 tokens"):
        _windows(low=1.0, high=0.0).take(1, 101)


def test_an_empty_source_takes_no_share() -> None:
    windows = Windows(_TOKENS | {"none": np.empty(0, dtype=np.uint16)}, {"low": 0.1, "high": 0.0, "none": 0.9}, 0)
    assert (windows.take(20, 5) < 100).all()


def test_read_in_order_every_token_is_predicted_once() -> None:
    read = [ids[0].tolist() for ids in in_order(_TOKENS["low"], 30, limit=1_000)]
    assert [ids[1:] for ids in read] == [list(range(at + 1, at + 31)) for at in (0, 30, 60)]
    assert len(list(in_order(_TOKENS["low"], 30, limit=61))) == 2
