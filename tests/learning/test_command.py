from pathlib import Path

import pytest

from filters.scorers.state import read_state
from learning.command import main, thresholds
from server.policy.policy import DEFAULT_THRESHOLDS
from tests.learning.conftest import Write

DATA = Path(__file__).resolve().parents[2] / "examples" / "categories" / "spoilers.jsonl"

pytestmark = pytest.mark.usefixtures("loaded")


def test_from_examples_to_promotion_and_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "new"
    where = ["--learned", str(folder)]
    assert main([*where, "--category", "spoilers", "--data", str(DATA), "--shadow", "25%"]) == 0
    said = capsys.readouterr().out
    assert "of the examples found at .5" in said and "passed  base data" in said and "in the shadow of 25%" in said
    name = read_state(folder).candidate
    assert main(["report", *where]) == 0
    assert f"candidate: {name}, beside it on 25% of the traffic" in capsys.readouterr().out
    assert main(["promote", *where]) == 0
    assert capsys.readouterr().out == f"in force: {name}; before it: the classifier alone\n"
    assert main(["rollback", *where]) == 0
    assert capsys.readouterr().out == "in force: the classifier alone; before it: the classifier alone\n"


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--category", "spoilers"], "--data: found 0, expected one file of texts with labels for --category"),
        (["--feedback", "none.jsonl"], "none.jsonl: expected a readable file of JSON lines"),
        (["--category", "x", "--data", "none.jsonl"], "none.jsonl: expected a readable file of JSON lines"),
    ],
)
def test_what_cannot_be_learned_is_one_line(
    words: list[str], problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--learned", str(tmp_path), *words]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"unsay learn: {problem}") and said.count("\n") == 1


def test_a_row_is_named_by_its_line(tmp_path: Path, write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    path = write([{"text": "a", "label": True}, {"text": "b", "label": "perhaps"}])
    assert main(["--learned", str(tmp_path), "--category", "x", "--data", str(path)]) == 1
    assert "line 2: label: found 'perhaps', expected true or false, or 1 or 0" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["--category", "no name", "--data", "x"], ["--shadow", "10", "--feedback", "x"], ["--shadow", "101%"], []]
)
def test_words_that_say_nothing_end_with_status_two(words: list[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--learned", str(tmp_path), *words])
    assert end.value.code == 2


def test_thresholds_are_those_of_the_default_policy(tmp_path: Path) -> None:
    assert thresholds(None) == DEFAULT_THRESHOLDS
    path = tmp_path / "policies.yaml"
    path.write_text("default: own\npolicies:\n  own:\n    thresholds: {toxicity: 0.4, spoilers: 0.5}\n")
    assert thresholds(path) == {**thresholds(None), "toxicity": 0.4, "spoilers": 0.5}
