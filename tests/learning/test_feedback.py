import pytest

from learning.errors import LearnError
from learning.feedback import MOST_OF_ONE_KEY, REVIEWED, Claim, read_feedback
from tests.learning.conftest import Write

CATEGORIES = ("toxicity", "insult")
LONG = "The first sentence is here. You are a snorbel, my friend. The third sentence ends it."


def row(**said: object) -> dict[str, object]:
    return {"verdict": "missed", "text": LONG, "key": "app", "span": None, "category": None, **said}


def claims(write: Write, *rows: object) -> list[Claim]:
    return list(read_feedback(write(rows), CATEGORIES).claims)


def test_a_verdict_is_a_claim(write: Write) -> None:
    found = claims(write, row(), row(verdict="false_alarm", key="b"), row(verdict="good", key="c"))
    assert [claim.flagged for claim in found] == [True, False, None]


def test_a_reviewers_label_stands_whatever_was_reported_and_weighs_more(write: Write) -> None:
    label = {"toxic": False, "category": "insult", "span": [0, 3]}
    (found,) = claims(write, row(reviewed=True, label=label))
    assert (found.flagged, found.category, found.span, found.counts) == (False, "insult", (0, 3), REVIEWED)


def test_what_is_claimed_is_the_sentence_of_the_span(write: Write) -> None:
    start = LONG.index("snorbel")
    (missed,) = claims(write, row(span=[start, start + 7]))
    assert missed.passages == ["You are a snorbel, my friend."]
    (whole,) = claims(write, row())
    assert whole.passages == [LONG]
    (alarm,) = claims(write, row(verdict="false_alarm"))
    assert alarm.passages[0] == LONG and len(alarm.passages) == 4


def test_all_that_one_key_reports_counts_no_more_than_a_few(write: Write) -> None:
    many = [row(text=f"text {at}", key="loud") for at in range(50)] + [row(text="other", key="app")]
    found = claims(write, *many, many[0])
    assert len(found) == 51
    assert sum(claim.counts for claim in found if claim.key == "loud") == pytest.approx(MOST_OF_ONE_KEY)
    assert found[-1].counts == 1.0


def test_rows_without_a_text_or_of_no_known_category_are_left_out_and_counted(write: Write) -> None:
    found = read_feedback(write([row(), row(text=None), row(category="gone")]), CATEGORIES)
    assert len(found.claims) == 1
    assert found.left_out == {"without a text": 1, "about a category that this gate does not have": 1}
    with pytest.raises(LearnError, match="expected feedback with a text to learn from; 1 without a text"):
        read_feedback(write([row(text=None)]), CATEGORIES)


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"verdict": "bad"}, "line 1: verdict: expected one of missed, false_alarm, good"),
        ({"text": 3}, "line 1: text: found 3, expected a text"),
        ({"span": [9, 2]}, r"line 1: span: expected \[start, end\]"),
        ({"reviewed": True, "label": {"toxic": "yes"}}, r"line 1: label: expected an object with toxic"),
    ],
)
def test_a_broken_row_is_one_line_that_says_which(said: dict[str, object], problem: str, write: Write) -> None:
    with pytest.raises(LearnError, match=problem):
        claims(write, row(**said))
