import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from filters.scorer import EXACT, ScorerLoadError, ThresholdValues
from filters.scorers.grams import LONGEST
from filters.scorers.screen import (
    CARD,
    LAYERS,
    WEIGHTS,
    Calibration,
    Screen,
    forward,
    hashed,
    packed,
    read_calibration,
    unpacked,
)

POINTS = (0.1, 0.499, 0.9)
CATEGORIES = ("toxicity", "insult")
CUTS = [[-2.0, 0.0, 2.0], [-2.0, 0.0, 2.0], [0.0, 1.0, 2.0]]
TEXTS = ["A quiet day by the sea.", "hello", "What a very long and winding road this is, is it not? It is."]


def at(threshold: float) -> ThresholdValues:
    return dict.fromkeys(CATEGORIES, threshold)


def random_weights() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    shapes = {
        "stretches": (256, 4),
        "words": (128, 4),
        "near": (12, 6),
        "around": (18, 6),
        "inner": (12, 6),
        "out": (6, 3),
    }
    weights = {name: torch.randn(*shape, generator=generator) for name, shape in shapes.items()}
    return weights | {f"{name}.bias": torch.randn(shapes[name][1], generator=generator) for name in LAYERS}


def constant_weights(*estimates: float) -> dict[str, torch.Tensor]:
    """Weights that estimate the same for every text."""
    return {**{name: tensor * 0 for name, tensor in random_weights().items()}, "out.bias": torch.tensor(estimates)}


def card() -> dict[str, Any]:
    cuts = dict(zip(("highest", *CATEGORIES), CUTS, strict=True))
    return {
        "categories": list(CATEGORIES),
        "points": list(POINTS),
        "cuts": cuts,
        "miss_rate": 0.002,
        "classifier_sha256": "0f",
    }


def screen(weights: dict[str, torch.Tensor]) -> Screen:
    return Screen(weights, read_calibration(card()), "screen:test")


def write(folder: Path, change: Callable[[Path], object] = lambda folder: None) -> Path:
    """A folder with a screen, changed before the sums are made."""
    folder.mkdir()
    save_file(packed(random_weights()), folder / WEIGHTS)
    (folder / CARD).write_text(json.dumps(card()))
    change(folder)
    names = [path.name for path in folder.iterdir()]
    sums = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (folder / "SHA256SUMS").write_text("".join(sums))
    return folder


def test_the_same_text_has_the_same_estimates_in_any_batch() -> None:
    one = screen(random_weights())
    together = one.estimates(TEXTS)
    assert np.allclose(together, np.concatenate([one.estimates([text]) for text in TEXTS]), atol=1e-5)
    assert not np.allclose(together[0], together[1])


def test_neighbours_are_of_the_same_text() -> None:
    one = screen(random_weights())
    words = ["dog", "bites", "man", "ones"]
    apart, together = one.estimates(words), one.estimates([" ".join(words)])
    assert np.allclose(one.estimates(words[::-1])[::-1], apart, atol=1e-5)
    assert not np.allclose(apart.max(axis=0), together[0])


def test_neighbours_and_order_count() -> None:
    one = screen(random_weights())
    first, second = one.estimates(["the dog bit the man", "the man bit the dog"])
    assert not np.allclose(first, second)


@pytest.mark.parametrize(
    ("estimates", "bounds"),
    [
        ((-3.0, -3.0, -3.0), (0.1, 0.1)),
        ((-1.0, -3.0, -3.0), (0.1, 0.1)),
        ((-1.0, 1.0, 0.5), (0.499, 0.499)),
        ((-3.0, 9.0, 9.0), (0.1, 0.1)),
        ((9.0, -3.0, 9.0), (0.1, 2.0)),
        ((-2.0, 9.0, 9.0), (0.499, 0.499)),
        ((float("inf"),) * 3, (2.0, 2.0)),
        ((float("nan"),) * 3, (2.0, 2.0)),
    ],
)
def test_a_bound_is_the_first_point_whose_cut_is_above(estimates: tuple[float, ...], bounds: tuple[float, ...]) -> None:
    found = read_calibration(card()).bounds(np.array([estimates], np.float32))
    assert tuple(found[0]) == bounds


@pytest.mark.parametrize(
    ("highest", "threshold", "bound"),
    [(-3.0, 0.5, 0.1), (-1.0, 0.5, 0.499), (-1.0, 0.499, None), (-1.0, 0.3, None), (-3.0, 0.1, None), (1.0, 0.5, None)],
)
def test_what_is_cleared_is_below_the_threshold(highest: float, threshold: float, bound: float | None) -> None:
    (found,) = screen(constant_weights(highest, 9.0, 9.0)).clear(["hello"], [at(threshold)])
    assert found == (None if bound is None else dict.fromkeys(CATEGORIES, bound))


@pytest.mark.parametrize(
    ("toxicity", "insult", "cleared"), [(0.5, 0.2, True), (0.2, 0.5, False), (0.5, 0.1, False), (1.0, 1.0, True)]
)
def test_each_category_has_its_own_threshold(toxicity: float, insult: float, cleared: bool) -> None:
    weights = constant_weights(-1.0, 9.0, -3.0)  # bounds of .499 and .1
    (found,) = screen(weights).clear(["hello"], [{"toxicity": toxicity, "insult": insult}])
    assert (found is not None) == cleared


def test_a_category_without_a_threshold_needs_a_bound_all_the_same() -> None:
    (found,) = screen(constant_weights(9.0, -3.0, 9.0)).clear(["hello"], [{"toxicity": 0.5}])
    assert found is None


def test_without_thresholds_nothing_is_cleared() -> None:
    assert screen(constant_weights(-9.0, -9.0, -9.0)).clear(["hello"], [EXACT]) == [None]


def test_each_text_has_its_own_threshold() -> None:
    found = screen(constant_weights(-1.0, 9.0, 9.0)).clear(["a", "b", "c"], [at(0.5), at(0.2), at(0.9)])
    assert [bounds is None for bounds in found] == [False, True, False]


@pytest.mark.parametrize("text", ["", " ", "a\u200bb", "x" * (LONGEST + 1), "an idi0t", "sooo", "f o o l"], ids=ascii)
def test_what_cannot_be_read_is_not_cleared(text: str) -> None:
    first, found, last = screen(constant_weights(-9.0, -9.0, -9.0)).clear(["fine", text, "fine"], [at(0.5)] * 3)
    assert found is None
    assert first == last == dict.fromkeys(CATEGORIES, 0.1)


def test_no_texts_are_no_bounds() -> None:
    assert screen(random_weights()).clear([], []) == []


def test_a_threshold_is_wanted_for_each_text() -> None:
    with pytest.raises(ValueError, match="expected 2"):
        screen(random_weights()).clear(["a", "b"], [at(0.5)])


def test_gradients_reach_every_weight() -> None:
    weights = {name: tensor.requires_grad_() for name, tensor in random_weights().items()}
    forward(weights, hashed(weights, TEXTS)).sum().backward()  # type: ignore[no-untyped-call]
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in weights.values())


def test_packing_keeps_the_estimates() -> None:
    weights = random_weights()
    kept = packed(weights)
    assert kept["stretches"].dtype == torch.int8
    exact = screen(weights).estimates(TEXTS)
    assert np.abs(screen(unpacked(kept)).estimates(TEXTS) - exact).max() < 0.02 * np.abs(exact).max()


def test_a_folder_is_loaded(tmp_path: Path) -> None:
    loaded = Screen.load(write(tmp_path / "small"))
    assert (loaded.name, loaded.categories, loaded.ready()) == ("screen:small", CATEGORIES, True)
    assert loaded.teacher == "0f"
    assert np.allclose(loaded.estimates(TEXTS), screen(unpacked(packed(random_weights()))).estimates(TEXTS))


def _without_a_table(folder: Path) -> None:
    kept = load_file(folder / WEIGHTS)
    save_file({name: kept[name] for name in kept if name != "words"}, folder / WEIGHTS)


def _with(**changes: object) -> Callable[[Path], object]:
    return lambda folder: (folder / CARD).write_text(json.dumps({**card(), **changes}))


@pytest.mark.parametrize(
    "change",
    [
        _without_a_table,
        _with(points=[0.9, 0.5, 0.1]),
        _with(points=[0.1, 0.5]),
        _with(points=[0.1, 0.5, 1.5]),
        _with(cuts={"highest": [0, 0, 0]}),
        _with(cuts=dict(zip(("highest", *CATEGORIES), [[2, 1, 0]] * 3, strict=True))),
        lambda folder: (folder / CARD).write_text("no JSON"),
    ],
)
def test_what_does_not_fit_together_is_not_loaded(tmp_path: Path, change: Callable[[Path], object]) -> None:
    with pytest.raises(ScorerLoadError, match="fit together"):
        Screen.load(write(tmp_path / "small", change))


def test_changed_bytes_are_not_loaded(tmp_path: Path) -> None:
    folder = write(tmp_path / "small")
    (folder / CARD).write_text(json.dumps({**card(), "miss_rate": 0.5}))
    with pytest.raises(ScorerLoadError, match="sha256"):
        Screen.load(folder)


def test_without_sums_nothing_is_loaded(tmp_path: Path) -> None:
    folder = write(tmp_path / "small")
    (folder / "SHA256SUMS").unlink()
    with pytest.raises(ScorerLoadError, match="SHA256SUMS"):
        Screen.load(folder)


def test_calibration_keeps_its_rate() -> None:
    assert isinstance(read_calibration(card()), Calibration)
    assert read_calibration(card()).miss_rate == 0.002


def test_it_clears_only_what_is_surely_in_a_language_that_it_was_calibrated_in(tmp_path: Path) -> None:
    def languages(folder: Path) -> None:
        save_file(packed(constant_weights(-9.0, -9.0, -9.0)), folder / WEIGHTS)
        (folder / CARD).write_text(json.dumps({**card(), "languages": ["en"]}))

    english = "The boat came back to the harbour before it was dark."
    german = "Das Boot kam in den Hafen, bevor es dunkel wurde."
    unsure = "Lima, Oslo"
    cleared = Screen.load(write(tmp_path / "one", languages)).clear([english, german, unsure], [at(0.5)] * 3)
    assert [bounds is not None for bounds in cleared] == [True, False, False]
    everywhere = screen(constant_weights(-9.0, -9.0, -9.0)).clear([english, german, unsure], [at(0.5)] * 3)
    assert None not in everywhere
