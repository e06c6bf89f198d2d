"""The language of a text: said when sure, all that may be meant where not, and unread only beyond doubt."""

import pytest

from filters.languages import CODES, ENOUGH, ENOUGH_OF_OTHERS, UNKNOWN, Found, find

ENGLISH, GERMAN = "Where is the nearest station, please?", "Wo ist denn hier der nächste Bahnhof, bitte?"
READ = frozenset({"en"})


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (ENGLISH, "en"),
        (GERMAN, "de"),
        ("Где здесь ближайшая станция метро, скажите пожалуйста?", "ru"),
        ("最近的车站在哪里呢", "zh"),
        ("Où se trouve la gare la plus proche, s'il vous plaît ?", "fr"),
        ("أين أقرب محطة من فضلك؟", "ar"),
    ],
)
def test_a_sentence_has_its_language(text: str, language: str) -> None:
    assert find(text).language == language
    assert find(text).candidates == {language}
    assert find(text).unread(READ) == (language != "en")


@pytest.mark.parametrize("text", ["", " \n", "12:30", "?!", "\U0001f600" * 50, "+49 30 1234567 " * 20])
def test_what_has_no_letters_is_in_no_language_and_hides_nothing(text: str) -> None:
    found = find(text)
    assert (found.language, found.candidates, found.unread(READ)) == (UNKNOWN, frozenset({UNKNOWN}), False)


@pytest.mark.parametrize("text", ["Yes.", "Ok", "Ja.", "No", "lol", "x = y", "for (int i = 0; i < n; i++) { a += b; }"])
def test_what_is_short_is_not_sure_and_not_unread(text: str) -> None:
    found = find(text)
    assert found.language == UNKNOWN and UNKNOWN in found.candidates
    assert not found.unread(READ)


def test_a_word_in_other_letters_is_told_to_be_unread_before_its_language_is_sure() -> None:
    found = find("Да, конечно.")
    assert found.unread(READ) and not found.unread(frozenset({"en", "ru"}))
    assert found.language == UNKNOWN


def test_a_dialect_counts_as_its_language() -> None:
    assert find("انا ما بطقش الناس اللي زيك").language == "ar"
    assert "nn" not in CODES and find("Eg veit ikkje kvifor dei kom hit i går kveld").language == "no"


def test_letters_are_counted_from_which_a_text_can_be_unread() -> None:
    unsure = {"de": 0.5, "nl": 0.49}
    assert Found(unsure, ENOUGH).unread(READ)
    assert not Found(unsure, ENOUGH - 1).unread(READ)
    assert Found({"de": 0.9}, 12).unread(READ) and not Found({"de": 0.9}, 11).unread(READ)
    assert Found(unsure, ENOUGH_OF_OTHERS, latin=False).unread(READ)
    assert not Found(unsure, ENOUGH_OF_OTHERS - 1, latin=False).unread(READ)


def test_what_may_be_read_is_not_unread_and_no_scorer_that_reads_all_leaves_anything_unread() -> None:
    assert not Found({"de": 0.5, "en": 0.02}, 100).unread(READ)
    assert not Found({"de": 0.5, "zxx": 0.02}, 100).unread(READ)
    assert not Found({"de": 1.0}, 100).unread(frozenset({"de", "en"}))
    assert not Found({"de": 1.0}, 100).unread(None)


def test_what_is_possible_is_a_candidate_and_so_is_the_unknown() -> None:
    assert Found({"de": 0.5, "nl": 0.1, "af": 0.09}, 20).candidates == {"de", "nl", UNKNOWN}
    assert Found({"de": 0.8, "nl": 0.1}, 20).candidates == {"de"}


def test_what_is_no_language_is_never_said() -> None:
    assert Found({"zxx": 0.95}, 20).language == UNKNOWN


def test_every_code_is_known_to_the_library_and_can_be_found() -> None:
    assert set(find(ENGLISH).likely) == CODES | {"zxx"}
    assert all(len(code) == 2 for code in CODES)
