from pathlib import Path

import pytest

from filters.scorers.detoxify import DetoxifyScorer
from tests.training.encoders import write_wheel
from tests.training.texts import labelled_rows, write_collection, write_rows
from training import calibrate, thresholds
from training.encoder import build, save, unpack
from training.examples import CATEGORIES
from training.pack_classifier import pack

CLASSIFIER = Path(__file__).parents[2] / "models" / "classifier"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained classifier as the training leaves it."""
    folder = tmp_path_factory.mktemp("classifier")
    base = unpack(write_wheel(folder, CLASSIFIER), folder / "base")
    model = build(base, layers=1)
    save(model, model.state_dict(), base, folder / "saved")
    return folder / "saved"


def _scores(packed: Path) -> dict[str, float]:
    return dict(DetoxifyScorer.load(str(packed)).score(["Good morning from Lima"])[0])


def test_the_score_that_was_chosen_becomes_one_half(source: Path, tmp_path: Path) -> None:
    pack(source, tmp_path / "before")
    before = _scores(tmp_path / "before")
    moved = calibrate.shift(source, tmp_path / "moved", [before[name] for name in CATEGORIES])
    pack(moved, tmp_path / "after")
    assert _scores(tmp_path / "after") == pytest.approx(dict.fromkeys(CATEGORIES, 0.5), abs=2e-3)


def test_the_source_is_left_as_it_is(source: Path, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in source.iterdir() if path.is_file()}
    calibrate.shift(source, tmp_path / "moved", [0.3] * len(CATEGORIES))
    assert before == {path.name: path.read_bytes() for path in source.iterdir() if path.is_file()}


def test_what_is_packed_has_its_thresholds_at_one_half(source: Path, tmp_path: Path) -> None:
    data = _longer(write_collection(tmp_path))
    table = calibrate.calibrate(source, tmp_path / "out", data, rate=0.2)
    assert "| toxicity |" in table
    choices = thresholds.measure(tmp_path / "out", data, 0.2).choices[:-1]
    assert all(choice.threshold == pytest.approx(0.5, abs=0.021) for choice in choices), choices


def _longer(collection: Path) -> Path:
    """The collection with cased texts that are long enough for spans of sixteen tokens."""
    rows = labelled_rows()
    for number, row in enumerate(rows):
        row["text"] += f" and then we went home by train number {number} and by bus and slept for a day or two"
    write_rows(collection / "toxicity_train.jsonl.gz", rows)
    return collection
