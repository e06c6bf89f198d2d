"""Whose texts are in the next pass: urgency, turns between clients, bounds, and nobody starved."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from filters.call import Call, Caller, Urgency
from filters.turns import LEAST_CHARACTERS, PATIENCE, Boarded, Turns
from tests.properties import examples

CHARACTERS = 8000
ASKED = st.tuples(
    st.sampled_from(["windows", "prompts", "moderations"]),
    st.sampled_from(["ann", "ben", "cat", "dan"]),
    st.lists(st.sampled_from([0, 3, 80, 200, 450, 1200]), min_size=1, max_size=9),
)


def joined(turns: Turns, urgency: Urgency, client: str, texts: Sequence[str]) -> Call:
    call = Call(texts, Caller(urgency, client), turns.longest(urgency), 60.0)
    turns.join(call)
    return call


def clients(boarded: Boarded) -> list[str]:
    return [str(call.client) for call, _ in boarded]


def passes(turns: Turns) -> list[Boarded]:
    """Every pass until nothing waits."""
    made: list[Boarded] = []
    while boarded := turns.board():
        made.append(boarded)
    return made


async def test_a_window_that_is_asked_for_while_992_moderation_texts_wait_is_in_the_very_next_pass() -> None:
    turns = Turns(16, CHARACTERS)
    joined(turns, "moderations", "eve", ["some text"] * 992)
    turns.board()
    window = joined(turns, "windows", "ann", ["a window"])
    assert turns.board() == [(window, ["a window"])]


async def test_a_window_is_in_the_next_pass_with_one_text_of_those_that_were_passed_over_often_enough() -> None:
    turns = Turns(16, CHARACTERS)
    for kind in ("prompts", "moderations"):
        joined(turns, kind, "eve", ["x"] * 992)
    alongside = []
    for _ in range(3 * (PATIENCE + 1)):
        window = joined(turns, "windows", "ann", ["w"] * 99)
        boarded = turns.board()
        turns.leave(window)
        assert sum(len(texts) for _, texts in boarded) == 16 and boarded[-1][0] is window
        alongside.append([(call.caller.urgency, len(texts)) for call, texts in boarded[:-1]])
    assert alongside == ([[]] * PATIENCE + [[("prompts", 1), ("moderations", 1)]]) * 3


async def test_with_one_seat_a_pass_is_the_windows() -> None:
    turns = Turns(1, CHARACTERS)
    joined(turns, "moderations", "eve", ["x"])
    joined(turns, "windows", "ann", ["w"] * 40)
    assert [clients(boarded) for boarded in passes(turns)] == [["ann"]] * 40 + [["eve"]]


async def test_what_a_client_waits_for_depends_on_how_many_others_there_are_not_on_what_they_ask() -> None:
    turns = Turns(4, CHARACTERS)
    for client in ("ann", "ben"):
        for _ in range(5):
            joined(turns, "windows", client, ["x"] * 400)
    turns.board()
    small = joined(turns, "windows", "cat", ["mine"])
    assert [small in [call for call, _ in turns.board()] for _ in range(3)] == [False, False, True]


async def test_a_pass_of_what_is_not_urgent_is_short_and_windows_fill_theirs() -> None:
    turns = Turns(16, CHARACTERS)
    joined(turns, "moderations", "eve", ["x" * 50_000])
    assert all(sum(len(text) for _, texts in each for text in texts) <= CHARACTERS // 16 for each in passes(turns))
    joined(turns, "windows", "ann", ["x" * 400] * 40)
    assert [len(each[0][1]) for each in passes(turns)] == [16, 16, 8]


async def test_what_nobody_waits_for_any_more_has_no_turn() -> None:
    turns = Turns(16, CHARACTERS)
    gone, stays = (joined(turns, "windows", client, ["x"] * 9) for client in ("ann", "ben"))
    last = joined(turns, "moderations", "eve", ["y"])
    gone.future.cancel()
    assert [call for call, _ in turns.board()] == [stays]
    assert turns.waiting("windows") == 0
    turns.leave(gone)
    assert [call for call, _ in turns.board()] == [last]
    assert turns.waiting("moderations") == 0 and not turns.calls()


@examples(60)
@given(st.lists(ASKED, max_size=12), st.integers(1, 16), st.integers(LEAST_CHARACTERS, 20_000))
async def test_passes_never_exceed_their_bounds_and_everybody_is_served_once(
    asked: list[tuple[Urgency, str, list[int]]], most: int, characters: int
) -> None:
    turns = Turns(most, characters)
    calls = [joined(turns, kind, client, ["x" * length for length in lengths]) for kind, client, lengths in asked]
    wanted = {call: call.waiting for call in calls}
    made = passes(turns)
    for boarded in made:
        texts = [text for _, own in boarded for text in own]
        assert 1 <= len(texts) <= most and sum(map(len, texts)) <= characters
        assert len({call for call, _ in boarded}) == len(boarded)
    served = {call: sum(len(texts) for each in made for own, texts in each if own is call) for call in calls}
    assert served == wanted
    assert not turns.calls() and all(turns.waiting(kind) == 0 for kind, _, _ in asked)


@examples(60)
@given(st.lists(ASKED, min_size=2, max_size=12), st.integers(1, 16))
async def test_between_two_turns_of_a_client_everybody_who_waited_had_one(
    asked: list[tuple[Urgency, str, list[int]]], most: int
) -> None:
    turns = Turns(most, CHARACTERS)
    for _, client, lengths in asked:
        joined(turns, "prompts", client, ["x" * length for length in lengths])
    order = [client for boarded in passes(turns) for client in clients(boarded)]
    for at, client in enumerate(order):
        later = order[at + 1 :]
        if client in later:
            until = later.index(client)
            assert set(later[until:]) - {client} <= set(later[:until])
            assert len(set(later[:until])) == until, "nobody had two turns in between"
