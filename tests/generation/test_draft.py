"""Drafts of many tokens and of one."""

from typing import Any

from server.generation.draft import Draft


def test_a_draft_taken_apart_ends_where_it_did() -> None:
    entries: list[Any] = [{1: "a"}, {2: "b"}]
    first, last = Draft((1, 2), entries, "stop", 2).split()
    assert first == Draft((1,), [{1: "a"}])
    assert last == Draft((2,), [{2: "b"}], "stop", 2)


def test_what_was_seen_stays_with_its_token() -> None:
    whole = Draft((1, 2, 3), seen=(None, b"b", b"c"))
    assert [part.seen for part in whole.split()] == [(None,), (b"b",), (b"c",)]
    assert whole.part(1, 3) == Draft((2, 3), seen=(b"b", b"c"))


def test_a_draft_of_one_token_or_none_is_whole() -> None:
    assert Draft((1,), finish_reason="length").split() == [Draft((1,), finish_reason="length")]
    assert Draft((), finish_reason="stop").split() == [Draft((), finish_reason="stop")]
