"""The real classifier as learning reads it, base data read once, and files of feedback."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import learning.reader
from filters.scorers.detoxify import DetoxifyScorer
from filters.scorers.heads import Heads, nothing
from learning.base import Base, read_base
from learning.command import thresholds
from learning.reader import Reader
from learning.work import Place

Write = Callable[[Sequence[object]], Path]


@pytest.fixture(scope="session")
def base() -> Base:
    return read_base([])


@pytest.fixture(scope="session")
def alone(reader: Reader) -> Heads:
    """The classifier alone."""
    return nothing(reader.width)


@pytest.fixture
def loaded(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """For `unsay learn` the classifier is loaded already, and has read the base data."""
    monkeypatch.setattr(DetoxifyScorer, "load", lambda *args, **kwargs: reader.scorer)
    monkeypatch.setattr(learning.reader, "Reader", lambda scorer: reader)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Where nothing was learned yet."""
    folder = tmp_path / "learned"
    folder.mkdir()
    return Place(folder, thresholds(None))


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes JSON lines; a text is written as it stands."""

    def written(rows: Sequence[object]) -> Path:
        path = tmp_path / f"rows-{len(list(tmp_path.iterdir()))}.jsonl"
        path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
        return path

    return written
