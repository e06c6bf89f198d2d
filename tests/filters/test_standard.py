"""What text is held against: its language's thresholds if that is sure, else the lowest of all that may be meant."""

import pytest

from filters.languages import Found
from filters.standard import Heard, Standard
from filters.thresholds import Thresholds

ANY, GERMAN, FRENCH = (Thresholds({"toxicity": score, "insult": 0.5}) for score in (0.2, 0.3, 0.1))
STANDARD = Standard(ANY, {"de": GERMAN, "fr": FRENCH}, minds_unread=True)
DE, FR, EN, RU = (Found({code: 0.9}, 60) for code in ("de", "fr", "en", "ru"))
UNSURE = Found({"de": 0.6, "nl": 0.2}, 20)
READ = frozenset({"de", "en", "fr"})


@pytest.mark.parametrize(
    ("found", "toxicity"),
    [
        ([DE], 0.3),
        ([FR], 0.1),
        ([EN], 0.2),
        ([], 0.2),
        ([UNSURE], 0.2),
        ([DE, EN], 0.2),
        ([DE, UNSURE], 0.2),
        ([DE, FR, EN], 0.1),
        ([Found({"de": 0.5, "fr": 0.4}, 20)], 0.1),
    ],
)
def test_doubts_and_changes_of_language_never_let_more_through(found: list[Found], toxicity: float) -> None:
    assert STANDARD.heard(found, None).thresholds.values == {"toxicity": toxicity, "insult": 0.5}


def test_one_text_that_is_not_read_is_enough() -> None:
    assert STANDARD.heard([EN, RU], READ).unread
    assert not STANDARD.heard([EN, DE], READ).unread
    assert not Standard(ANY).heard([RU], READ).unread, "nobody minds"


def test_the_strictest_thresholds_are_those_of_any_language() -> None:
    assert STANDARD.strictest.values == {"toxicity": 0.1, "insult": 0.5}
    assert Standard(ANY).strictest is ANY


def test_languages_are_looked_for_where_they_make_a_difference() -> None:
    assert not Standard(ANY).minds
    assert Standard(ANY, {"de": GERMAN}).minds and Standard(ANY, minds_unread=True).minds
    assert Heard(ANY).unread is False
