import itertools
from pathlib import Path
from typing import Any

import pytest
import torch

from filters.scorers import passes as module
from filters.scorers.detoxify import DetoxifyScorer
from filters.scorers.heads import Output
from filters.scorers.linears import BFloat16, Full, Int8, Linear, OneDnn
from filters.scorers.packed import PackedForward
from filters.scorers.passes import Forward, PlainForward, passes
from tests.filters.scorers.models import small, unknown


class Letters:
    """A tokenizer of a hundred tokens: as much of one as is asked for here."""

    all_special_ids = (0, 1, 2)

    def __len__(self) -> int:
        return 100

    def __call__(self, text: str) -> Any:
        return type("Encoded", (), {"input_ids": [1, 2]})

    def pad(self, pieces: list[dict[str, list[int]]], return_tensors: str) -> Any:
        longest = max(len(piece["input_ids"]) for piece in pieces)
        rows = [piece["input_ids"] + [0] * (longest - len(piece["input_ids"])) for piece in pieces]
        mask = [[int(at < len(piece["input_ids"])) for at in range(longest)] for piece in pieces]
        return Padded(input_ids=torch.tensor(rows), attention_mask=torch.tensor(mask))


class Padded(dict[str, Any]):
    """A batch that stays where it is."""

    def to(self, device: object) -> "Padded":
        return self


class Ticks:
    """A clock by which passes take these seconds, one after the other and all over again."""

    def __init__(self, *seconds: float) -> None:
        self._steps = itertools.cycle([step for each in seconds for step in (0.0, each)])
        self._now = 0.0

    def __call__(self) -> float:
        self._now += next(self._steps)
        return self._now


def test_a_known_classifier_is_run_without_padding_and_roughly_with_a_margin() -> None:
    found = passes(small("bert"), Letters(), 64, Ticks(1, 2))
    assert isinstance(found.exact, PackedForward)
    assert found.rough is not None
    assert 0 < found.margin <= module.MARGIN_MOST


def test_a_rough_pass_that_is_not_faster_is_not_used(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    found = passes(small("bert"), Letters(), 64, Ticks(9, 10))
    assert isinstance(found.exact, PackedForward)
    assert found.rough is None
    assert all(
        f"{kind} takes 0.90 of the time of what there is: left out" in caplog.text for kind in ("BFloat16", "Int8")
    )


def test_a_rough_pass_that_is_hopelessly_slow_is_not_tried_on_everything(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level("INFO")
    seen: dict[type[Linear], int] = {}

    class Counted(PackedForward):
        def __call__(self, pieces: Any) -> Output:
            seen[self.kind] = seen.get(self.kind, 0) + len(pieces)
            return super().__call__(pieces)

    monkeypatch.setattr(module, "PackedForward", Counted)
    assert passes(small("bert"), Letters(), 64, Ticks(50, 10)).rough is None
    assert "a rough pass takes 5.0 times the time of what there is: left out" in caplog.text
    assert seen[Int8] < 6 < module.TRIALS <= seen[Full]


@pytest.mark.parametrize(("seconds", "kind"), [(1, OneDnn), (9, Full)])
def test_single_precision_is_computed_by_what_is_faster_here(seconds: float, kind: type[Linear]) -> None:
    found = passes(small("bert"), Letters(), 64, Ticks(seconds, 10))
    assert isinstance(found.exact, PackedForward)
    assert found.exact.kind is kind


def test_without_onednn_single_precision_is_computed_by_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.ops, "mkldnn")
    monkeypatch.setattr(torch.ops, "mkldnn", object(), raising=False)
    found = passes(small("bert"), Letters(), 64, Ticks(1, 10))
    assert isinstance(found.exact, PackedForward)
    assert found.exact.kind is Full


def test_an_unknown_classifier_is_left_to_transformers() -> None:
    found = passes(unknown(), Letters(), 64)
    assert isinstance(found.exact, PlainForward)
    assert found.rough is None


def shifted(by: float, part: str) -> type[PackedForward]:
    class Shifted(PackedForward):
        def __call__(self, pieces: Any) -> Output:
            said = super().__call__(pieces)
            return said._replace(**{part: getattr(said, part) + by})

    return Shifted


@pytest.mark.parametrize(("by", "part"), [(0.01, "logits"), (float("nan"), "logits"), (0.01, "embeddings")])
def test_a_pass_that_differs_from_the_model_is_not_used(by: float, part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PackedForward", shifted(by, part))
    found = passes(small("bert"), Letters(), 64)
    assert isinstance(found.exact, PlainForward)
    assert found.rough is None


def test_a_rough_pass_that_is_too_rough_or_not_to_be_had_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    assert passes(small("bert"), Letters(), 64, Ticks(1, 2)).rough is not None
    monkeypatch.setattr(module, "MARGIN_MOST", 1e-6)
    assert passes(small("bert"), Letters(), 64, Ticks(1, 2)).rough is None
    monkeypatch.undo()
    monkeypatch.delattr(torch, "_int_mm")
    monkeypatch.setattr(module, "BFloat16", Int8)
    assert passes(small("bert"), Letters(), 64, Ticks(1, 2)).rough is None


def test_the_model_itself_reads_pieces_of_any_lengths_in_order() -> None:
    model = small("bert")
    plain: Forward = PlainForward(model, Letters())
    pieces = [[5] * 3, [6] * 40, [7] * 20]
    assert torch.allclose(plain(pieces).logits, torch.cat([plain([piece]).logits for piece in pieces]), atol=1e-5)


def test_a_rough_pass_of_the_bundled_classifier_leaves_little_in_doubt(
    bundled_classifier: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scorer = DetoxifyScorer.load(str(bundled_classifier))
    monkeypatch.setattr(module, "TRIALS", 8)
    monkeypatch.setattr(module, "Int8", BFloat16)
    found = passes(scorer._model, scorer._tokenizer, scorer._limit, Ticks(1, 2))
    assert found.rough is not None
    assert found.margin < 0.5


@pytest.mark.parametrize("model", [small("bert"), unknown()])
def test_the_model_itself_and_what_is_run_in_its_place_embed_alike(model: Any) -> None:
    pieces = [[5] * 3, [6] * 40, [7] * 20]
    plain, used = PlainForward(model, Letters())(pieces), passes(model, Letters(), 64).exact(pieces)
    assert plain.embeddings.shape == (3, 96)
    assert torch.allclose(plain.embeddings, used.embeddings, atol=1e-4)
