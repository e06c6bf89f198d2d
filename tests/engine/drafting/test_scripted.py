"""The deterministic engine beyond the contract (tests/contract/test_engine.py)."""

import asyncio
from contextlib import aclosing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.engine.drafting.scripted import ScriptedEngine, Vocabulary, WordDetokenizer, Wordings
from server.generation.draft import Attempt, Draft

FIRST = Attempt(0, (), frozenset())


async def _written(engine: ScriptedEngine, attempt: Attempt = FIRST) -> list[Draft]:
    async with aclosing(engine.draft(attempt)) as drafts:
        return [draft async for draft in drafts]


def _decoded(vocabulary: Vocabulary, tokens: list[int], stop: tuple[str, ...] = ()) -> WordDetokenizer:
    detokenizer = WordDetokenizer(vocabulary, stop)
    for token in tokens:
        if detokenizer.feed(token, terminal=False) is not None:
            break
    return detokenizer


@given(st.text(max_size=40), st.integers(1, 8))
def test_every_text_survives_its_tokens(text: str, longest: int) -> None:
    text = text.encode(errors="replace").decode()
    vocabulary = Vocabulary(longest)
    tokens = vocabulary.encode(text)
    assert tokens == vocabulary.encode(text)
    assert _decoded(vocabulary, tokens).text == text


def test_long_words_and_foreign_characters_take_several_tokens() -> None:
    vocabulary = Vocabulary(longest=4)
    assert [len(vocabulary.encode(text)) for text in ("fox", "foxes", "a foxglove", "é", "日")] == [1, 2, 4, 2, 3]


def test_half_a_character_has_no_text_yet() -> None:
    vocabulary = Vocabulary()
    tokens = vocabulary.encode("日")
    assert [_decoded(vocabulary, tokens[:count]).text for count in range(4)] == ["", "", "", "日"]


def test_an_unknown_token_is_an_error() -> None:
    with pytest.raises(IndexError):
        Vocabulary().content(4711)


@given(st.text("ab ", max_size=20), st.lists(st.text("ab ", min_size=1, max_size=4), min_size=1, max_size=3))
def test_text_ends_before_the_first_stop_string(text: str, stop: list[str]) -> None:
    vocabulary = Vocabulary(longest=1)
    found = [text.find(word) for word in stop if word in text]
    by_character = text[: min(text.find(word) + len(word) for word in stop if word in text)] if found else text
    detokenizer = _decoded(vocabulary, vocabulary.encode(text), tuple(stop))
    decoded = detokenizer.text[: detokenizer.said]
    assert by_character.startswith(decoded)
    assert not any(word in decoded for word in stop)
    assert decoded == text or found


def test_what_a_stop_string_may_take_back_is_its_length_less_one() -> None:
    assert WordDetokenizer(Vocabulary()).unsettled == 0
    assert WordDetokenizer(Vocabulary(), ("abc", "a")).unsettled == 2


def test_a_terminal_token_is_spelled_and_not_said() -> None:
    detokenizer = WordDetokenizer(Vocabulary(), ("A",))
    assert detokenizer.feed(65, terminal=True) is None
    assert (detokenizer.text, detokenizer.said) == ("A", 0)


def test_wordings_branch_where_they_differ_and_go_on_by_length_behind_anything_else() -> None:
    wordings = Wordings([1, 2, 3], [1, 5, 6], [1, 5])
    assert [tuple(wordings(before)) for before in ([], [1], [1, 5], [9], [9, 9, 9])] == [(1,), (2, 5), (6,), (2, 5), ()]


@pytest.mark.parametrize("ending", ["stop", "abort", "error"])
async def test_the_script_ends_as_it_is_told(ending: str) -> None:
    engine = ScriptedEngine(Wordings([1, 2]), ending=ending, sizes=lambda: 10)
    (draft,) = await _written(engine)
    assert draft.finish_reason == ending
    assert list(draft.tokens) == [1, 2] + [Vocabulary.end] * (ending == "stop")
    assert engine.drafted == len(draft.tokens)


async def test_where_all_is_banned_the_text_ends() -> None:
    for banned, tokens in (({1}, [Vocabulary.end]), ({1, Vocabulary.end}, [])):
        (draft,) = await _written(ScriptedEngine(Wordings([1, 2])), Attempt(1, (), frozenset(banned)))
        assert (list(draft.tokens), draft.finish_reason) == (tokens, "stop")


async def test_what_is_to_be_avoided_is_taken_where_nothing_else_fits_and_behind_the_stretch() -> None:
    wordings = Wordings([1, 2, 3], [1, 4, 3], [1, 4, 5])
    avoiding = Attempt(1, (), frozenset(), avoided=frozenset({1, 2, 3}), avoided_for=2)
    assert [token for draft in await _written(ScriptedEngine(wordings), avoiding) for token in draft.tokens][:3] == [
        1,
        4,
        3,
    ]


async def test_it_fails_where_it_is_told() -> None:
    engine = ScriptedEngine(Wordings([1, 2, 3]), fails_at=2, failure=ValueError("broken"))
    with pytest.raises(ValueError, match="broken"):
        await _written(engine)
    assert (engine.drafted, engine.running, engine.aborted) == (2, 0, [0])


async def test_the_gate_holds_every_draft() -> None:
    gate = asyncio.Event()
    engine = ScriptedEngine(Wordings([1, 2, 3]), gate=_waiting(gate))
    drafts = engine.draft(FIRST)
    first = asyncio.ensure_future(anext(drafts))
    await asyncio.sleep(0)
    assert (first.done(), engine.running) == (False, 1)
    gate.set()
    assert list((await first).tokens) == [1]
    await drafts.aclose()
    assert (engine.aborted, engine.attempts) == ([0], [FIRST])


def _waiting(gate: asyncio.Event) -> Any:
    async def wait() -> None:
        await gate.wait()

    return wait
