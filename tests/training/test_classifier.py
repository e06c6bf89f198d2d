from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from filters.scorers.detoxify import DetoxifyScorer
from tests.training.encoders import write_wheel
from training.classifier import Plan, loss, rate_at, train
from training.data import Split
from training.encoder import unpack
from training.examples import all_known, clean
from training.pack_classifier import pack

_TOXIC = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def test_what_is_masked_has_no_part_in_the_loss() -> None:
    logits = torch.tensor([[0.0, 5.0]], requires_grad=True)
    value = loss(logits, torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 0.0]]))
    value.backward()  # type: ignore[no-untyped-call]
    assert value.item() == pytest.approx(0.6931, abs=1e-4)
    assert logits.grad is not None
    assert logits.grad[0, 1] == 0 != logits.grad[0, 0]


def test_heavier_targets_count_for_more() -> None:
    logits, targets = torch.tensor([[2.0, -2.0]]), torch.tensor([[0.0, 0.0]])
    assert loss(logits, targets, torch.tensor([[3.0, 1.0]])) > loss(logits, targets, torch.tensor([[1.0, 3.0]]))


def test_nothing_known_is_no_loss_and_not_a_division_by_zero() -> None:
    assert loss(torch.zeros(2, 6), torch.ones(2, 6), torch.zeros(2, 6)).item() == 0


def test_the_rate_rises_to_its_full_height_and_falls_to_nothing() -> None:
    rates = [rate_at(step / 1000) for step in range(1001)]
    peak = rates.index(max(rates))
    assert rates[0] == rates[-1] == rate_at(1.5) == 0
    assert rates[peak] == pytest.approx(1)
    assert rates[:peak] == sorted(rates[:peak])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for each other over a tiny network are slower than one."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def base(tmp_path: Path, bundled_classifier: Path) -> Path:
    """An unpacked encoder, tiny and untrained."""
    return unpack(write_wheel(tmp_path, bundled_classifier), tmp_path / "base")


@pytest.fixture
def split() -> Split:
    """Enough made-up texts to learn one word from."""
    pairs = [(all_known(f"you idiot {n}", _TOXIC, "x"), clean(f"you friend {n}", "x")) for n in range(160)]
    return Split([example for pair in pairs for example in pair], {})


def _plan(out: Path, minutes: float = 1e9) -> Plan:
    return Plan(epochs=6, batch=16, rate=3e-3, seed=0, layers=1, minutes=minutes, out=out)


def test_the_same_seed_gives_the_same_weights_and_they_tell_the_texts_apart(
    base: Path, split: Split, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("one", "two"):
        train(_plan(tmp_path / name), split, base, "cpu")
    one, two = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert "ended after 108 steps" in capsys.readouterr().out
    pack(tmp_path / "one", tmp_path / "packed")
    hostile, kind = DetoxifyScorer.load(str(tmp_path / "packed")).score(["you idiot 7", "you friend 7"])
    assert hostile["toxicity"] > 0.5 > kind["toxicity"]


def test_a_run_out_of_minutes_ends_with_what_it_has(
    base: Path, split: Split, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(_plan(tmp_path / "out", minutes=1e-3), split, base, "cpu")
    assert int(capsys.readouterr().out.split("ended after ")[1].split()[0]) < 108
    assert (tmp_path / "out" / "model.safetensors").is_file()
