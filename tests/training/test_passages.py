import random
from pathlib import Path

import pytest

from filters.scorers import grams
from tests.training.texts import write_collection, write_rows
from training.examples import letters
from training.passages import LONGEST, WHOLE, Sample, cut, samples


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    return samples(_collection(tmp_path_factory.mktemp("data")), 0, share=0.2)


def _collection(folder: Path) -> Path:
    import lzma

    write_collection(folder)
    write_rows(folder / "toxic_spans.jsonl.gz", [{"text": f"an entirely new text, number {n}"} for n in range(40)])
    with lzma.open(folder / "movie_reviews.txt.xz", "wt") as file:
        file.write("".join(f"a film about the sea and {n} boats\n\n" for n in range(50)))
    return folder


def test_every_part_and_kind_of_source_is_there(found: list[Sample]) -> None:
    assert {sample.part for sample in found} == {"learn", "calibrate", "measure"}
    assert {"movie_reviews", "civil_comments", "toxic_spans", "prose"} <= {sample.source for sample in found}


def test_no_passage_is_longer_than_a_window(found: list[Sample]) -> None:
    assert LONGEST < max(len(sample.text) for sample in found) <= WHOLE < grams.LONGEST


def test_of_what_a_language_model_wrote_a_part_is_held_out(tmp_path: Path) -> None:
    rows = [{"prompt": f"Opening {n}", "text": f" number {n} of many\nwords " + "and more " * n} for n in range(60)]
    written = write_rows(tmp_path / "written.jsonl.gz", rows)
    found = [s for s in samples(_collection(tmp_path), 0, 1.0, written) if s.source == "written"]
    parts = {sample.part for sample in found}
    assert {"learn"} < parts
    learnt = {sample.text for sample in found if sample.part == "learn"}
    wholes = {" ".join(str(row["text"]).split()) for row in rows}
    assert 0 < len(wholes - learnt) < len(wholes)
    assert any(sample.text.startswith("number") and len(sample.text.split()) < 4 for sample in found)


def test_what_is_measured_is_not_calibrated_on(found: list[Sample]) -> None:
    parts = {
        part: {letters(sample.text) for sample in found if sample.part == part} for part in ("calibrate", "measure")
    }
    shared = parts["calibrate"] & parts["measure"]
    assert len(shared) <= 0.05 * len(parts["measure"])  # short cuts of different texts may be alike


def test_a_cut_is_whole_words_of_the_text() -> None:
    text = " ".join(f"word{n}" for n in range(200))
    for seed in range(50):
        piece = cut(text, random.Random(seed))
        assert len(piece) <= WHOLE
        assert set(piece.split()) <= set(text.split())


def test_a_word_longer_than_a_passage_is_cut_within() -> None:
    assert 0 < len(cut("x" * 2_000, random.Random(0))) <= LONGEST
