"""Texts of clients are cut so that the guard has its turn between them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.portions import (
    OVERLAP_CHARACTERS,
    PIECE_CHARACTERS,
    PORTION,
    pieces,
    pieces_and_parts,
    portions,
)


@given(st.lists(st.text("ab", max_size=3), max_size=60))
def test_portions_are_small_and_lose_nothing(texts: list[str]) -> None:
    made = list(portions(texts))
    assert [text for portion in made for text in portion] == texts
    assert all(len(portion) == PORTION for portion in made[:-1])
    assert all(1 <= len(portion) <= PORTION for portion in made)


@pytest.mark.parametrize("text", ["", "a", "two words", "x" * PIECE_CHARACTERS])
def test_a_short_text_is_its_only_piece(text: str) -> None:
    assert pieces(text) == [text]


@given(st.lists(st.text("ab", min_size=1, max_size=30), max_size=400))
def test_every_word_is_whole_in_some_piece(words: list[str]) -> None:
    numbered = [f"{word}{at}" for at, word in enumerate(words)]
    made = pieces(" ".join(numbered))
    assert max(map(len, made)) <= 2 * PIECE_CHARACTERS
    found = {word for piece in made for word in piece.split()}
    assert found == set(numbered), "nothing is lost, and no word is cut"


@given(st.integers(0, 3000), st.integers(20, 40))
def test_a_phrase_that_is_shorter_than_the_overlap_is_whole_in_some_piece(at: int, length: int) -> None:
    phrase = "b" * length
    text = "ab " * (at // 3) + phrase + " ab" * 500
    assert any(phrase in piece for piece in pieces(text))


@pytest.mark.parametrize("text", ["a" * 5000, "語" * 5000, " " * 5000, "a\u200b" * 2500, "\ufffd" * 5000])
def test_a_text_without_words_is_cut_all_the_same(text: str) -> None:
    made = pieces(text)
    assert all(len(piece) <= PIECE_CHARACTERS + OVERLAP_CHARACTERS for piece in made)
    assert sum(map(len, made)) >= len(text) and len(made) <= len(text) // (PIECE_CHARACTERS - OVERLAP_CHARACTERS) + 1


def test_a_text_is_judged_in_its_sentences_too() -> None:
    text = "It rained all day long. " * 20 + "You left me there."
    assert pieces_and_parts(text)[: len(pieces(text))] == pieces(text)
    assert pieces_and_parts(text)[-1] == "You left me there."
    assert pieces_and_parts("One sentence.") == ["One sentence."]
