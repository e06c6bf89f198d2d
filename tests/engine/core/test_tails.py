"""What was seen travels with the outputs of a step, and is told by token where those arrive."""

from types import SimpleNamespace
from typing import Any

import pytest

from server.engine.core.tails import LENGTH, PARAMETER, Tails, rows_of


def output(name: str = "r", tokens: int = 1, params: Any = None) -> SimpleNamespace:
    return SimpleNamespace(request_id=name, new_token_ids=[1] * tokens, kv_transfer_params=params)


def sent(tails: Tails, row: bytes | None, tokens: int = 1, name: str = "r") -> Any:
    made = output(name, tokens)
    tails.put([made], {} if row is None else {name: row})
    return made.kv_transfer_params


def test_every_output_has_what_was_seen_of_the_last_tokens() -> None:
    tails = Tails()
    tails.begin("r")
    rows = [bytes([at]) for at in range(LENGTH + 3)]
    last = [sent(tails, row) for row in rows][-1]
    assert last == {PARAMETER: rows[-LENGTH:]}


def test_a_request_that_is_not_the_front_ends_gets_nothing() -> None:
    assert sent(Tails(), b"a") is None


def test_what_vllm_itself_sends_stays() -> None:
    tails, made = Tails(), output(params={"theirs": 1})
    tails.begin("r")
    tails.put([made], {"r": b"a"})
    assert made.kv_transfer_params == {"theirs": 1, PARAMETER: [b"a"]}


@pytest.mark.parametrize(("row", "tokens"), [(None, 1), (b"b", 2)], ids=["nothing was seen", "several tokens"])
def test_rows_never_stand_for_other_tokens(row: bytes | None, tokens: int) -> None:
    tails = Tails()
    tails.begin("r")
    sent(tails, b"a")
    assert sent(tails, row, tokens) is None
    assert sent(tails, b"c") == {PARAMETER: [b"c"]}


def test_a_rewound_request_begins_anew() -> None:
    tails = Tails()
    tails.begin("r")
    sent(tails, b"a")
    tails.begin("r")
    assert sent(tails, b"b") == {PARAMETER: [b"b"]}


def test_nothing_is_kept_of_a_request_that_is_over_and_its_last_output_has_its_row() -> None:
    tails = Tails()
    tails.begin("r")
    tails.end("r")
    assert sent(tails, b"a") == {PARAMETER: [b"a"]}
    assert sent(tails, b"b") is None and not vars(tails)["_tails"]


@pytest.mark.parametrize(
    ("tail", "tokens", "rows"),
    [
        ([b"a", b"b", b"c"], 1, [b"c"]),
        ([b"a", b"b"], 2, [b"a", b"b"]),
        ([b"a"], 3, [None, None, b"a"]),
        ([b"a"], 0, None),
        ([], 2, None),
    ],
)
def test_the_rows_of_an_output_are_those_of_its_last_tokens(tail: Any, tokens: int, rows: Any) -> None:
    assert rows_of({PARAMETER: tail}, tokens) == rows
    assert rows_of(None, tokens) is None
