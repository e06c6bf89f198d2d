import json
from pathlib import Path

import numpy as np
import pytest
import torch

from filters.scorers.screen import CARD, Calibration, Screen, unpacked
from training.distil import Plan, learn
from training.screen import POINTS, Figures, cuts, estimates, measure, microseconds, report, wilson, write

CATEGORIES = ("toxicity", "insult")
SMALL = Plan(stretch_bits=8, word_bits=8, width=4, hidden=8, epochs=30, batch=16, rate=0.05)
MILD, RUDE = "what a lovely day", "you silly goose"
TEXTS = [f"{kind} {number}" for number in range(16) for kind in (MILD, RUDE)]
SCORES = np.array([[0.95, 0.9] if RUDE in text else [0.02, 0.01] for text in TEXTS], np.float32)


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    return dict(learn(SMALL, TEXTS, SCORES))


def calibration(weights: dict[str, torch.Tensor]) -> Calibration:
    uncut = Calibration(CATEGORIES, POINTS, np.full((3, len(POINTS)), -1e30, np.float32), 0.01)
    return Calibration(CATEGORIES, POINTS, cuts(estimates(weights, uncut, TEXTS), SCORES, 0.01), 0.01)


def test_it_learns_what_the_classifier_says(weights: dict[str, torch.Tensor]) -> None:
    found = calibration(weights)
    figures = measure(found.bounds(estimates(weights, found, TEXTS)), SCORES, 0.5)
    assert figures == Figures(missed=0, flagged=16, cleared=16, clean=16)


def test_the_same_seed_gives_the_same_weights(weights: dict[str, torch.Tensor]) -> None:
    again = learn(SMALL, TEXTS, SCORES)
    assert all(torch.equal(again[name], weights[name]) for name in weights)


def test_cuts_leave_at_most_the_rate_below_them() -> None:
    found = np.tile(np.arange(1000, dtype=np.float32)[:, None], 3)
    scores = np.full((1000, 2), 0.97, np.float32)
    assert (cuts(found, scores, 0.002) == 2.0).all()


def test_cuts_ascend_and_clear_nothing_without_examples() -> None:
    found = np.array([[5.0] * 3, [1.0] * 3], np.float32)
    scores = np.array([[0.3, 0.0], [0.97, 0.0]], np.float32)
    highest, _, insult = cuts(found, scores, 0.0)
    assert (np.diff(highest) >= 0).all()
    assert (insult < -1e29).all()


def test_points_ascend_and_stay_below_round_numbers() -> None:
    assert list(POINTS) == sorted(POINTS)
    assert {0.299, 0.499, 0.899} <= set(POINTS)


def test_what_cannot_be_read_is_never_cleared(weights: dict[str, torch.Tensor]) -> None:
    found = calibration(weights)
    assert np.isinf(estimates(weights, found, ["a\u200bb", "an idi0t"])).all()


def test_the_interval_holds_the_share() -> None:
    low, high = wilson(10, 5_000)
    assert (round(low, 4), round(high, 4)) == (0.0011, 0.0037)
    assert wilson(0, 0) == (0.0, 1.0)
    assert Figures(0, 100, 0, 0).miss_interval[1] < 0.04


def test_the_report_has_every_threshold_and_source(weights: dict[str, torch.Tensor]) -> None:
    found = calibration(weights)
    bounds = found.bounds(estimates(weights, found, TEXTS))
    lines = "\n".join(report(bounds, SCORES, ["mild", "rude"] * 16))
    assert "| 0.5 | 16 | 0 (0.00%) |" in lines
    assert "| rude | 16 | 0 | 0 | 0.0% |" in lines


def test_what_is_written_is_what_is_loaded(tmp_path: Path, weights: dict[str, torch.Tensor]) -> None:
    found = calibration(weights)
    write(tmp_path / "screen", weights, found, {"classifier_sha256": "0"}, "# Screen\n")
    loaded = Screen.load(tmp_path / "screen")
    assert json.loads((tmp_path / "screen" / CARD).read_text())["classifier_sha256"] == "0"
    assert [
        bounds is None
        for bounds in loaded.clear([MILD + " 3", RUDE + " 3"], [dict.fromkeys(loaded.categories, 0.5)] * 2)
    ] == [False, True]


def test_the_speed_is_a_median_within_its_spread(weights: dict[str, torch.Tensor]) -> None:
    middle, low, high = microseconds(Screen(weights, calibration(weights), "screen"), TEXTS, tries=5)
    assert 0 < low <= middle <= high


def test_packing_is_part_of_the_weights(weights: dict[str, torch.Tensor], tmp_path: Path) -> None:
    from safetensors.torch import load_file

    write(tmp_path, weights, calibration(weights), {}, "")
    kept = load_file(tmp_path / "screen.safetensors")
    assert (unpacked(kept)["stretches"] - weights["stretches"]).abs().max() <= kept["stretches.scale"].max() / 2 + 1e-6
