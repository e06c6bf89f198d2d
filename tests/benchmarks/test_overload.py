"""Requests that come faster than a server can answer, against a server without a model."""

from collections import Counter
from contextlib import contextmanager
from typing import Any

import psutil
import pytest

from benchmarks import overload
from benchmarks.overload import Memory, Row, at_rate, main, measured, report
from tests.benchmarks.builders import answer
from tests.benchmarks.streaming import streaming

OURSELVES = psutil.Process()
MEMORY = Memory(100 * 2**20, 200 * 2**20)


async def row_of(wanted: int, **faults: Any) -> Row:
    """So many requests that come almost at once."""
    async with streaming() as fake:
        for name, value in faults.items():
            setattr(fake, name, value)
        return await at_rate(f"{fake.url}/v1/completions", OURSELVES, 2.0, 500.0, wanted / 1000, 5, seed=1)


async def test_what_is_refused_and_what_is_admitted_are_told_apart() -> None:
    row = await row_of(40, refusing=4)
    assert len(row.answers) == 30 and row.refusals == [3] * 10 and len(row.refused_seconds) == 10
    assert not row.errors and row.cut == 0
    assert row.before.front > 0 and row.half.front > 0 and row.after.front > 0


async def test_an_answer_that_was_withheld_is_no_error() -> None:
    row = await row_of(5, withheld=True)
    assert (row.cut, row.answers, row.errors) == (5, [], Counter())


@pytest.mark.parametrize(("fault", "word"), [("broken", "503"), ("cut", "cut off")])
async def test_a_refusal_that_does_not_say_when_to_come_again_is_an_error(fault: str, word: str) -> None:
    row = await row_of(5, **{fault: True})
    assert sum(row.errors.values()) == 5 and not row.refusals
    assert all(word in error for error in row.errors)


async def test_nobody_there_is_an_error_of_each() -> None:
    row = await at_rate("http://127.0.0.1:9/v1/completions", OURSELVES, 1.0, 1000.0, 0.003, 5, seed=1)
    assert row.errors.total() == 3


async def test_the_capacity_comes_first_and_then_each_rate() -> None:
    async with streaming() as fake:
        rows = await measured(f"{fake.url}/v1/completions", OURSELVES, {0.5: 0.05, 1.0: 0.1}, 2, 2, seed=1)
    assert [row.rate for row in rows] == [0.5, 1.0]
    assert rows[0].capacity == rows[1].capacity > 0
    assert all(row.answers for row in rows)


def test_the_tables() -> None:
    row = Row(3.0, 10.0, MEMORY, MEMORY, MEMORY)
    row.answers = [answer(0.1, asked=0.0, ended=1.0), answer(0.3, asked=0.0, ended=3.0)]
    row.refusals, row.refused_seconds, row.pages = [2, 7], [0.01, 0.03], Counter({200: 4})
    lines = report([row, Row(0.5, 10.0, MEMORY, MEMORY, MEMORY)]).splitlines()
    memory = "100 + 200, 100 + 200, 100 + 200 MiB"
    assert f"| 3 | 30.0 | 2 | 0 | 2 | 2 to 7 s | 0 | 4 x 200 | {memory} |" in lines
    assert f"| 0.5 | 5.0 | 0 | 0 | 0 |  | 0 |  | {memory} |" in lines
    assert "| 3 | first text | 0.20 s | 0.29 s | 0.30 s | 0.30 s |" in lines
    assert "| 3 | whole answer | 2.00 s | 2.90 s | 2.98 s | 3.00 s |" in lines


@pytest.mark.parametrize(
    ("row", "status"),
    [
        (Row(1.0, 1.0, MEMORY, MEMORY, MEMORY, pages=Counter({200: 1})), 0),
        (Row(1.0, 1.0, MEMORY, MEMORY, MEMORY, pages=Counter({200: 1, 503: 1})), 1),
        (Row(1.0, 1.0, MEMORY, MEMORY, MEMORY, errors=Counter({"broke off": 2})), 1),
    ],
)
def test_the_command_serves_what_it_is_told_and_fails_if_anything_did(
    row: Row, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[Any] = []

    @contextmanager
    def serving(words: Any) -> Any:
        asked.append(list(words))
        yield "http://x", OURSELVES

    async def found(*args: Any) -> list[Row]:
        asked.append(args[2:])
        return [row]

    monkeypatch.setattr(overload, "serving", serving)
    monkeypatch.setattr(overload, "measured", found)
    assert main(["--rates", "1,3", "--seconds", "5", "--", "mini", "--max-under-way", "9"]) == status
    assert asked == [["mini", "--max-under-way", "9"], ({1.0: 5.0, 3.0: 5.0}, 8, 64, 0)]
    said = capsys.readouterr().out
    assert "| rate |" in said and ("2 x broke off" in said) == bool(row.errors)


def test_each_rate_has_its_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--rates", "1,3,4", "--seconds", "5,6"])
    assert "--seconds: expected one number, or 3, found 2" in capsys.readouterr().err
