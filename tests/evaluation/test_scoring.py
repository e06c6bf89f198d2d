from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from evaluation.errors import EvaluationError
from evaluation.records import Generation
from evaluation.scoring import BATCH, scored
from reporting.progress import Advance
from tests.evaluation.builders import generation

ROWS = [generation(sample=index, text=f" text {index}") for index in range(BATCH + 3)]


class Scorer:
    """Scores by the sample's number, and remembers the batches."""

    def __init__(self, most: int = 10**6) -> None:
        self.batches: list[list[str]] = []
        self._most = most

    def __call__(self, batch: Sequence[Generation]) -> list[float]:
        if len(self.batches) == self._most:
            raise KeyboardInterrupt
        self.batches.append([row.text for row in batch])
        return [row.sample / 100 for row in batch]


@contextmanager
def _silent(name: str, total: int, done: int) -> Iterator[Advance]:
    yield lambda count: None


def test_every_generation_has_its_value(tmp_path: Path) -> None:
    found = scored(tmp_path / "judged.jsonl", "judge", ROWS, Scorer(), _silent)
    assert found == {row.key: row.sample / 100 for row in ROWS}


def test_what_was_scored_before_an_interruption_is_not_scored_again(tmp_path: Path) -> None:
    path = tmp_path / "judged.jsonl"
    with pytest.raises(KeyboardInterrupt):
        scored(path, "judge", ROWS, Scorer(most=1), _silent)
    rest = Scorer()
    assert scored(path, "judge", ROWS, rest, _silent) == {row.key: row.sample / 100 for row in ROWS}
    assert [len(batch) for batch in rest.batches] == [3]
    nothing = Scorer()
    scored(path, "judge", ROWS, nothing, _silent)
    assert nothing.batches == []


def test_another_judges_scores_are_not_taken_for_its_own(tmp_path: Path) -> None:
    path = tmp_path / "judged.jsonl"
    scored(path, "one", ROWS[:2], Scorer(), _silent)
    other = Scorer()
    scored(path, "other", ROWS[:2], other, _silent)
    assert len(other.batches) == 1


def test_the_same_text_after_the_same_prompt_is_scored_once(tmp_path: Path) -> None:
    rows = [generation(mode=mode) for mode in ("off", "enforce")]
    scorer = Scorer()
    assert len(scored(tmp_path / "judged.jsonl", "judge", rows, scorer, _silent)) == 2
    assert scorer.batches == [[rows[0].text]]


def test_a_file_of_something_else_is_named(tmp_path: Path) -> None:
    (tmp_path / "judged.jsonl").write_text('{"score": 1}\n')
    with pytest.raises(EvaluationError, match=r"judged\.jsonl: is not a file of scores; delete it"):
        scored(tmp_path / "judged.jsonl", "judge", ROWS, Scorer(), _silent)
