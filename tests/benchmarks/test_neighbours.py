"""Streams beside moderations, against a server without a model."""

from collections import Counter

import pytest

from benchmarks.neighbours import HOSTILE, LONG, QUIET, TOKENS, Neighbours, Row, beside, measured, report
from tests.benchmarks.streaming import streaming


async def test_streams_are_asked_for_one_at_a_time_while_the_neighbours_are_busy() -> None:
    async with streaming() as fake:
        row = await beside(f"{fake.url}/v1", "m", Neighbours("two", 2, 3), 2, 10)
        streams = [body for body in fake.asked if "input" not in body]
        moderations = [body["input"] for body in fake.asked if "input" in body]
    assert len(streams) == 3 and len(row.seconds) == 2, "the first one warms up"
    assert all(body["max_tokens"] == TOKENS and body["stream"] for body in streams)
    assert fake.most_at_once == 1 and row.failed == 0
    assert len(moderations) >= 2 and {len(texts) for texts in moderations} == {3}
    assert {len(text) for texts in moderations for text in texts} == {LONG}
    assert set(row.statuses) == {200}


async def test_streams_that_fail_are_counted() -> None:
    async with streaming() as fake:
        fake.broken = True
        row = await beside(f"{fake.url}/v1", "m", QUIET, 2, 10)
    assert (row.failed, row.seconds, row.statuses) == (3, [], Counter())


async def test_quiet_streams_come_first_and_last() -> None:
    async with streaming() as fake:
        rows = await measured(f"{fake.url}/v1", "m", 1, 10)
    assert [row.name for row in rows] == [QUIET.name, *(each.name for each in HOSTILE), QUIET.name]


@pytest.mark.parametrize("each", HOSTILE)
def test_no_text_is_longer_than_one_may_be(each: Neighbours) -> None:
    assert {len(text) for text in each.body()["input"]} == {LONG}


def test_the_table_holds_each_row_against_the_quiet_ones() -> None:
    rows = [
        Row("nobody", [0.1, 0.2]),
        Row("some", [0.3, 0.6, 0.9], 1, Counter({400: 2, 200: 1})),
        Row("nobody", [0.3, 0.2]),
        Row("others", [], 4),
    ]
    told = report(rows)
    assert "| some | 0.60 | 3.0 | 0.90 | 1 | 1 x 200, 2 x 400 |" in told
    assert "| others | nan | nan | nan | 4 | none |" in told
