"""A probe that was written is the one that is loaded, on both sides of the server."""

import json
from pathlib import Path

import numpy as np
import torch

from probing.artefact import write
from server import probes
from server.engine.core.sight import Heads
from server.probes import CARD
from tests.probing.test_fitting import CATEGORIES, WIDTH, fitted_to

MADE_FROM = {
    "command": "unsay fit-probe mini",
    "model": "mini",
    "model_fingerprint": "m" * 64,
    "classifier_sha256": "c" * 64,
    "texts": 2000,
    "windows": 4000,
    "flagged": 800,
}


def test_what_the_engine_sees_and_the_front_end_adds_up_is_the_fits_estimate(tmp_path: Path) -> None:
    fitted = fitted_to()
    write(tmp_path, fitted, MADE_FROM, "The report.")
    states = torch.from_numpy(np.random.default_rng(1).normal(size=(5, WIDTH)).astype(np.float32))
    seen = b"".join(row.tobytes() for row in Heads.load(str(tmp_path), "cpu").look(states).numpy())
    features = np.concatenate([states.numpy().mean(axis=0), states[-1].numpy()])
    found = probes.load(tmp_path)
    assert np.allclose(found.probe.estimates(seen), fitted.heads.estimates(features[None])[0], atol=1e-4)
    assert np.isclose(found.probe.forecast(seen), fitted.forecast.estimates(features[None])[0, 0], atol=1e-4)
    assert (found.model, found.gate, found.probe.alarm) == ("m" * 64, "c" * 64, fitted.alarm)
    assert found.probe.categories == CATEGORIES


def test_the_card_says_how_it_was_made(tmp_path: Path) -> None:
    write(tmp_path, fitted_to(), MADE_FROM, "The report.")
    assert json.loads((tmp_path / CARD).read_text(encoding="utf-8"))["command"] == "unsay fit-probe mini"
    page = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "The report." in page and "    unsay fit-probe mini\n" in page and "800" in page
