import gzip
import json
from pathlib import Path

import pytest

from tests.training.answering import answering
from tests.training.texts import write_collection
from training import written
from training.written import Opening, openings


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import lzma

    folder = write_collection(tmp_path_factory.mktemp("data"))
    with lzma.open(folder / "movie_reviews.txt.xz", "wt") as file:
        file.write("".join(f"a film about the sea and {n} boats\n\n" for n in range(50)))
    return folder


def test_openings_are_begun_texts_and_differ(collection: Path) -> None:
    every = openings(collection, 40, 7)
    assert len({opening.text for opening in every}) == len(every) > 20
    assert [opening.seed for opening in every] == list(range(7, 7 + len(every)))
    assert any(opening.text.endswith("Assistant:") for opening in every)
    assert every == openings(collection, 40, 7)
    assert every != openings(collection, 40, 8)


def test_an_opening_leaves_room_for_an_answer(collection: Path) -> None:
    assert all(len(opening.text) <= 800 for opening in openings(collection, 40, 0))


async def test_openings_are_continued_unguarded_and_kept_in_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    every = [Opening("One", 5, 1.0), Opening("Two", 6, 0.7)]
    with answering() as (base_url, asked):
        await written.write(tmp_path / "out.jsonl.gz", base_url, every)
    with gzip.open(tmp_path / "out.jsonl.gz", "rt") as lines:
        rows = [json.loads(line) for line in lines]
    assert [row["prompt"] for row in rows] == ["One", "Two"]
    by_prompt = {body["prompt"]: body for body in asked}
    assert [(by_prompt[name]["seed"], by_prompt[name]["temperature"]) for name in ("One", "Two")] == [
        (5, 1.0),
        (6, 0.7),
    ]
    assert by_prompt["One"]["detox"] == {"mode": "off"}
    told = capsys.readouterr().out
    assert told.startswith("2 of 2 texts")
    assert rows[0]["text"].strip() not in told
