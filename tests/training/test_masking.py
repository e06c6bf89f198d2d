from pathlib import Path

import pytest

from filters.scorers.scripted import ScriptedScorer
from filters.thresholds import Thresholds
from training.examples import CATEGORIES
from training.masking import Masking, read_list

_SCORES = {"idiot": 0.9, "go away now": 0.8, "away": 0.3}
_THRESHOLDS = Thresholds(dict.fromkeys(CATEGORIES, 0.5))


def _masking(*listed: str) -> Masking:
    return Masking(ScriptedScorer(_SCORES, categories=CATEGORIES), _THRESHOLDS, listed)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("What a fine day.", "What a fine day."),
        ("You idiot, you.", "You i****, you."),
        ("Silly me, SILLY", "S**** me, S****"),
        ("a silly billy, sillyness", "a s**** b****, sillyness"),
        ("two twits", "two t****"),
        ("", ""),
    ],
)
def test_rude_words_keep_their_first_letter(text: str, shown: str) -> None:
    assert _masking("silly", "silly billy", "twit").shown(text) == shown


def test_a_flagged_text_whose_words_are_fine_loses_its_highest_word() -> None:
    assert _masking().shown("Please go away now") == "Please go a*** now"
    assert _masking().flags("Please go away now")


def test_nothing_is_not_flagged() -> None:
    assert not _masking().flags(" ")
    assert not _masking().flags("away")


def test_a_list_is_read_without_its_empty_lines(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("twit\n\nsilly billy\n")
    assert read_list(tmp_path / "list.txt") == ["twit", "silly billy"]
