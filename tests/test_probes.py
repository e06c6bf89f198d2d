"""Which probe is used: one that is of the served model and of the gate, told by their files."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from filters.scorers.checkpoint import find_checkpoint, sha256
from server import probes
from server.configuration import Settings
from server.engine import core
from server.errors import FileError, StartError
from server.generation.probe import Probe
from server.policy import catalog
from server.probes import CARD, WEIGHTS
from server.settings import BUNDLED_CLASSIFIER, BUNDLED_PROBE
from tests.generation.test_probe import probe

CATEGORIES = ("toxicity",)
GATE: Any = SimpleNamespace(categories=CATEGORIES)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}", encoding="utf-8")
    (folder / "model.safetensors").write_bytes(np.random.default_rng(0).bytes(300_000))
    return folder


@pytest.fixture
def folder(tmp_path: Path, model: Path) -> Path:
    """A probe of that model and of the bundled classifier."""
    made = tmp_path / "probe"
    made.mkdir()
    write(made, {})
    return made


def write(folder: Path, changes: dict[str, object]) -> None:
    card = {
        "categories": CATEGORIES,
        "points": [0.1, 0.4],
        "cuts": {"highest": [0.0, 1.0], "toxicity": [0.0, 1.0]},
        "miss_rate": 0.001,
        "biases": [0.5, 0.25, 0.125],
        "alarm": 2.0,
        "model_fingerprint": probes.fingerprint(folder.parent / "model"),
        "classifier_sha256": sha256(find_checkpoint(str(BUNDLED_CLASSIFIER))),
    }
    (folder / CARD).write_text(json.dumps(card | changes), encoding="utf-8")
    (folder / WEIGHTS).write_bytes(b"weights")
    sums = "".join(f"{sha256(folder / name)}  {name}\n" for name in (CARD, WEIGHTS))
    (folder / "SHA256SUMS").write_text(sums, encoding="utf-8")


def settings(**said: Any) -> Settings:
    return Settings.model_validate(said)


def test_one_that_is_named_is_used_where_it_fits(folder: Path, model: Path) -> None:
    found = probes.find(settings(probe=folder), str(model), GATE)
    assert found is not None and found.is_named
    assert (found.folder, found.categories, found.biases.tolist(), found.alarm) == (
        folder,
        CATEGORIES,
        [0.5, 0.25, 0.125],
        2.0,
    )


def test_none_is_used_if_the_operator_says_so(model: Path) -> None:
    assert probes.find(settings(probe="none"), str(model), GATE) is None


def refused(said: Settings, model: str | None, gate: Any = GATE) -> str:
    with pytest.raises(StartError) as error:
        probes.find(said, model, gate)
    line = str(error.value)
    assert "\n" not in line and line.startswith("probe ") and "fit-probe" in line
    return line


def test_of_another_model_it_is_refused_in_one_line(folder: Path, model: Path) -> None:
    weights = bytearray((model / "model.safetensors").read_bytes())
    weights[:] = bytes(byte ^ 1 for byte in weights)  # trained on
    (model / "model.safetensors").write_bytes(weights)
    assert "another model" in refused(settings(probe=folder), str(model))
    assert "another model" in refused(settings(probe=folder), str(model / "nowhere"))


def test_of_another_gate_it_is_refused(folder: Path, model: Path) -> None:
    assert "another gate" in refused(settings(probe=folder, scorer="remote:http://one"), str(model))
    write(folder, {"classifier_sha256": "0" * 64})
    assert "another gate" in refused(settings(probe=folder), str(model))


def test_a_gate_with_categories_that_it_does_not_know_is_another_one(folder: Path, model: Path) -> None:
    more: Any = SimpleNamespace(categories=(*CATEGORIES, "own"))
    assert "another gate" in refused(settings(probe=folder), str(model), more)


def test_where_tokens_are_drawn_elsewhere_there_is_nothing_to_look_into(folder: Path) -> None:
    assert "elsewhere" in refused(settings(probe=folder), None)


@pytest.mark.parametrize("changes", [{"biases": [1.0, 2.0]}, {"alarm": None}, {"cuts": {}}, {"points": [0.4, 0.1]}])
def test_a_card_that_is_none_is_refused(folder: Path, model: Path, changes: dict[str, object]) -> None:
    write(folder, changes)
    refused(settings(probe=folder), str(model))


def test_a_file_that_was_changed_since_is_refused(folder: Path, model: Path) -> None:
    (folder / WEIGHTS).write_bytes(b"others")
    refused(settings(probe=folder), str(model))


def test_the_bundled_one_is_left_out_where_it_does_not_fit(model: Path) -> None:
    assert probes.find(settings(), str(model), GATE) is None
    assert probes.find(settings(), None, GATE) is None


def test_the_bundled_one_is_of_the_bundled_classifier() -> None:
    """If this fails the classifier is a new one: `make probe` fits the probe anew."""
    card = json.loads((BUNDLED_PROBE / CARD).read_text(encoding="utf-8"))
    assert card["classifier_sha256"] == sha256(find_checkpoint(str(BUNDLED_CLASSIFIER)))
    assert probes.load(BUNDLED_PROBE).probe.categories == tuple(card["categories"])


def test_weights_that_were_trained_further_are_told_apart_and_the_same_are_the_same(model: Path) -> None:
    before = probes.fingerprint(model)
    assert probes.fingerprint(model) == before
    (model / "config.json").write_text('{"a": 1}', encoding="utf-8")
    assert probes.fingerprint(model) != before


def test_an_engine_that_resubmits_has_none_and_a_named_one_is_refused() -> None:
    plain = probe()
    assert probes.usable(plain, exact=True) is plain and probes.usable(plain, exact=False) is None
    named = Probe(plain.folder, plain.calibration, plain.biases, plain.alarm, is_named=True)
    with pytest.raises(StartError, match="resubmission"):
        probes.usable(named, exact=False)


def test_a_policy_whose_ladder_turns_needs_a_probe(tmp_path: Path) -> None:
    file = tmp_path / "policies.yaml"
    file.write_text("default: own\npolicies:\n  own:\n    ladder: [ban, self]\n", encoding="utf-8")
    found = catalog.load(file)
    assert probes.check_rungs(found, probe()) is found
    with pytest.raises(FileError, match=r"policies\.own\.ladder.*'self' needs a probe"):
        probes.check_rungs(found, None)
    assert probes.check_rungs(catalog.builtin(), None)


async def test_states_of_another_width_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([True, False])

    async def look(client: Any, folder: str) -> bool:
        return next(answers)

    monkeypatch.setattr(core, "arming", SimpleNamespace(look=look), raising=False)
    await probes.look(object(), probe())
    with pytest.raises(StartError, match="width"):
        await probes.look(object(), probe())
