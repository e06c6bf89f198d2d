"""Tokens and characters of one choice, and the way between them."""

from dataclasses import astuple
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.boundaries import MAX_WORD, last_boundary, word_start
from server.engine.drafting.scripted import Vocabulary, WordDetokenizer
from server.generation.draft import Draft
from server.generation.transcript import Transcript, places_around, seen_of, word
from server.guard.events import TokenSpan

VOCABULARY = Vocabulary(longest=3)
texts = st.text(st.sampled_from("ab c.é日👍🏽\n"), max_size=40)


def _transcript(text: str = "", stop: tuple[str, ...] = ()) -> Transcript:
    transcript = Transcript(lambda: WordDetokenizer(VOCABULARY, stop))
    transcript.append(Draft(VOCABULARY.encode(text)))
    return transcript


def _parts(transcript: Transcript) -> tuple[Any, ...]:
    return transcript.text, transcript.tokens, transcript.ends, transcript.ending, transcript.judgeable()


@given(texts, st.data())
def test_cutting_and_appending_the_same_again_changes_nothing(text: str, data: st.DataObject) -> None:
    transcript = _transcript(text)
    before, tokens = _parts(transcript), transcript.tokens
    at = data.draw(st.integers(0, len(tokens)))
    transcript.cut(at)
    assert transcript.tokens == tokens[:at]
    transcript.append(Draft(tokens[at:]))
    assert _parts(transcript) == before


@given(texts)
def test_ends_grow_to_the_length_of_the_text(text: str) -> None:
    transcript = _transcript(text)
    assert transcript.text == text
    assert transcript.ends == sorted(transcript.ends)
    assert transcript.ends[-1:] in ([], [len(text)])


@given(texts, texts)
def test_what_can_be_judged_never_splits_a_word_or_a_character(text: str, more: str) -> None:
    """Of a text that may stop anywhere, in the middle of a character too."""
    tokens = VOCABULARY.encode(text + more)[: len(VOCABULARY.encode(text)) + 1]
    transcript = Transcript(lambda: WordDetokenizer(VOCABULARY))
    transcript.append(Draft(tokens))
    count = transcript.judgeable()
    cut = transcript.start_of(count)
    assert cut <= last_boundary(transcript.text)
    assert word_start(transcript.text, cut) == cut
    assert count == 0 or transcript.start_of(count - 1) < cut, "the last judgeable token has text of its own"
    for later, end in enumerate(transcript.ends[count:], count):
        ends_a_word = end <= last_boundary(transcript.text) and word_start(transcript.text, end) == end
        assert not ends_a_word or transcript.start_of(later) == end, "more could have been judged"


def test_a_word_waits_for_its_last_token_even_if_that_begins_the_next() -> None:
    transcript = _transcript("we aaa.b")
    assert [VOCABULARY.content(token) for token in transcript.tokens] == [b"we", b" aa", b"a.b"]
    assert transcript.judgeable() == 1


@given(st.integers(1, 300))
def test_a_word_without_end_does_not_wait_for_ever(length: int) -> None:
    transcript = _transcript("a" * length)
    assert length - transcript.start_of(transcript.judgeable()) <= MAX_WORD + 2


@given(texts.filter(bool), st.data())
def test_the_token_of_a_character_begins_at_or_before_it(text: str, data: st.DataObject) -> None:
    transcript = _transcript(text)
    character = data.draw(st.integers(0, len(text) - 1))
    token = transcript.token_at(character)
    assert transcript.start_of(token) <= character
    assert any(transcript.start_of(i) <= character < transcript.ends[i] for i in range(token, len(transcript.ends)))


def test_the_token_of_a_character_is_the_first_of_its_bytes() -> None:
    transcript = _transcript("a 日")
    assert transcript.ends == [1, 2, 2, 2, 3][-len(transcript.ends) :]
    assert transcript.token_at(2) == len(transcript.tokens) - 3


@given(texts.filter(bool), st.data())
def test_a_passage_is_the_text_of_its_window_from_a_whole_word_on(text: str, data: st.DataObject) -> None:
    transcript = _transcript(text)
    count = len(transcript.tokens)
    end = data.draw(st.integers(1, count))
    window = TokenSpan(data.draw(st.integers(0, end - 1)), end)
    passage, start = transcript.passage(window, released=data.draw(st.integers(0, count)))
    assert passage.text == text[start : transcript.start_of(end)]
    assert start <= transcript.start_of(window.start)
    assert start + passage.fresh >= transcript.start_of(window.start)


def test_fresh_text_begins_where_the_released_ends() -> None:
    transcript = _transcript("one two six")
    tokens = VOCABULARY.encode("one two")
    passage, start = transcript.passage(TokenSpan(0, len(transcript.tokens)), released=len(tokens))
    assert (passage.text[passage.fresh :], start) == (" six", 0)


def test_a_stop_string_ends_the_answer_in_the_middle_of_a_draft() -> None:
    transcript = _transcript("one two six", stop=("two",))
    assert (transcript.answer, transcript.text) == ("one ", "one two")
    assert transcript.ending == ("stop", "two")
    assert transcript.ends[-1] == len("one two"), "what was cut off is spelled, and judged"
    assert len(transcript.tokens) < len(VOCABULARY.encode("one two six"))


def test_a_stop_string_over_two_tokens_takes_both_back() -> None:
    transcript = _transcript("abcdefgh", stop=("cd",))
    assert (transcript.answer, transcript.text, transcript.ends) == ("ab", "abcdef", [3, 6])
    transcript.cut(1)
    assert (transcript.answer, transcript.ending) == ("abc", None)


def test_a_stop_string_of_several_words_behind_a_boundary_can_be_judged() -> None:
    """The place up to which the text could be judged once lay behind the text that was left."""
    transcript = _transcript("one two six ")
    stopped = _transcript("one two six ", stop=("two six",))
    for at in range(len(transcript.tokens)):
        stopped.judgeable()
        assert stopped.tokens[: at + 1] == transcript.tokens[: at + 1] or stopped.ending
    assert stopped.answer == "one " and stopped.judgeable() <= len(stopped.tokens)


def test_a_stop_token_is_spelled_and_not_said() -> None:
    transcript = _transcript("one")
    transcript.append(Draft(VOCABULARY.encode(" two"), finish_reason="stop", stop_reason=7))
    assert transcript.answer == "one tw", "the last token stopped it"
    assert (transcript.text, transcript.ending) == ("one two", ("stop", 7))
    passage, _ = transcript.passage(TokenSpan(0, len(transcript.tokens)), 0)
    assert passage.text == "one two"


def test_the_last_window_is_also_read_without_what_the_answer_leaves_out() -> None:
    transcript = _transcript("one two six", stop=("two",))
    window = TokenSpan(0, len(transcript.tokens))
    passage, _ = transcript.passage(window, 0)
    assert (passage.text, passage.also_read) == ("one two", ("one ",))
    assert transcript.passage(TokenSpan(0, window.end - 1), 0)[0].also_read == ()
    plain = _transcript("one two six", stop=("x",))
    assert plain.passage(TokenSpan(0, 2), 0)[0].also_read == ()


def test_the_end_token_spells_nothing() -> None:
    transcript = _transcript("one")
    transcript.append(Draft([VOCABULARY.end], finish_reason="stop", stop_reason=7))
    assert (transcript.text, transcript.answer, transcript.ending) == ("one", "one", ("stop", 7))
    # As far as the text tells, the word may go on: that it has ended is the guard's business.
    assert transcript.judgeable() == 0


@given(texts, st.sampled_from([(), ("c. a",), ("zzzzzzzzzzzzzzzz",)]), st.data())
def test_what_may_be_sent_is_never_more_than_is_spelled_by_then_and_never_less_than_nothing(
    text: str, stop: tuple[str, ...], data: st.DataObject
) -> None:
    """A stop string longer than the text once made it less than nothing, and a slice from the wrong end."""
    transcript = _transcript(text, stop)
    upto = data.draw(st.integers(0, len(transcript.tokens)))
    for closing in (False, True):
        assert 0 <= transcript.sayable(upto, closing=closing) <= min(transcript.start_of(upto), len(transcript.answer))


def test_text_that_a_stop_string_may_take_back_is_not_sent_before_the_end() -> None:
    transcript = _transcript("one two", stop=("three",))
    count = len(transcript.tokens)
    assert transcript.sayable(count, closing=False) == 7 - 4
    assert transcript.sayable(count, closing=True) == 7
    transcript.append(Draft((), finish_reason="length"))
    assert transcript.sayable(count, closing=False) == 7


@pytest.mark.parametrize(
    ("lead", "text", "read"),
    [("mor", "tar is", "mortar is"), ("mor", " tar", " tar"), ("", "tar", "tar"), ("mor", ", tar", ", tar")],
)
def test_a_first_word_that_began_in_the_prompt_is_judged_with_its_beginning(lead: str, text: str, read: str) -> None:
    transcript = Transcript(lambda: WordDetokenizer(VOCABULARY), lead)
    transcript.append(Draft(VOCABULARY.encode(text)))
    for reader in (transcript, transcript.fork()):
        passage, start = reader.passage(TokenSpan(0, len(transcript.tokens)), 0)
        assert passage.text == read and passage.text[passage.fresh :] == text
        assert start + passage.fresh == 0, "what can be taken back begins with the answer"
        assert passage.also_read == (() if read == text else (text,)), "the answer alone is read as well"


def test_a_later_window_knows_nothing_of_the_prompt() -> None:
    transcript = Transcript(lambda: WordDetokenizer(VOCABULARY), "mor")
    transcript.append(Draft(VOCABULARY.encode("tar is wet")))
    passage, _ = transcript.passage(TokenSpan(2, len(transcript.tokens)), 0)
    assert "mor" not in passage.text


def test_logprobs_stay_with_their_tokens() -> None:
    transcript = Transcript(lambda: WordDetokenizer(VOCABULARY))
    transcript.append(Draft(VOCABULARY.encode("abcdef"), logprobs=["p", "q"]))
    transcript.append(Draft(VOCABULARY.encode("x")))
    transcript.cut(3)
    assert transcript.logprobs[1:3] == ["q", None]
    assert transcript.spelled(1, 3) == ["def", "x"]


def test_a_logprob_missing_is_an_error_and_no_token_lost() -> None:
    with pytest.raises(ValueError, match="shorter"):
        _transcript().append(Draft(VOCABULARY.encode("abcdef"), logprobs=["p"]))


@given(texts, texts)
def test_a_fork_goes_its_own_way(text: str, more: str) -> None:
    transcript = _transcript(text)
    before = _parts(transcript)
    fork = transcript.fork()
    assert _parts(fork) == before
    fork.append(Draft(VOCABULARY.encode(more)))
    assert fork.text.startswith(transcript.text) or not transcript.text.isprintable()
    assert _parts(transcript) == before


def test_a_word_has_the_tokens_up_to_the_next_white_space() -> None:
    transcript = _transcript("so abcdefg, hij")
    start = transcript.token_at(3)
    assert word(transcript, start) == frozenset(VOCABULARY.encode(" abcdefg,"))
    assert word(transcript, len(transcript.tokens)) == frozenset()


def test_the_sentence_of_a_character_is_told_in_tokens() -> None:
    transcript = _transcript("One. Two three, four")
    tokens = [transcript.text[transcript.start_of(at) :] for at in astuple(places_around(transcript, 18))]
    assert tokens == [" four", " Two three, four", "One. Two three, four"]


def test_what_was_seen_of_a_token_comes_with_the_next_one_and_goes_with_it() -> None:
    transcript = Transcript(lambda: WordDetokenizer(VOCABULARY))
    transcript.append(Draft(VOCABULARY.encode("abcabc")[:2], seen=[b"-", b"0"]))
    assert seen_of(transcript, TokenSpan(0, 1)) == b"0"
    assert seen_of(transcript, TokenSpan(0, 2)) is None, "nothing is known of the last token yet"
    transcript.append(Draft(VOCABULARY.encode("abcabc"), seen=[b"1", b"2"]))
    assert seen_of(transcript, TokenSpan(0, 3)) == b"012" and seen_of(transcript, TokenSpan(1, 3)) == b"12"
    transcript.cut(2)
    assert seen_of(transcript, TokenSpan(0, 2)) is None
    transcript.append(Draft(VOCABULARY.encode("abc"), seen=[b"1"]))
    assert seen_of(transcript, TokenSpan(0, 2)) == b"01", "as if the dropped tokens had never been drawn"


def test_where_anything_was_not_seen_nothing_is_said() -> None:
    transcript = Transcript(lambda: WordDetokenizer(VOCABULARY))
    transcript.append(Draft(VOCABULARY.encode("abcabcabc"), seen=[b"-", None, b"1"]))
    assert seen_of(transcript, TokenSpan(0, 2)) is None and seen_of(transcript, TokenSpan(1, 2)) == b"1"
    transcript.append(Draft(VOCABULARY.encode("abc")))
    assert seen_of(transcript, TokenSpan(2, 3)) is None and seen_of(transcript, TokenSpan(1, 1)) is None
