import pytest

from benchmarks.plan import PROMPT_TOKENS, RUNS, cells
from tests.benchmarks.builders import settings


def test_a_run_is_measured_at_every_number_of_streams_or_near_eight() -> None:
    found = cells(settings(runs=("clean", "short")), 4096, large=False)
    assert [cell.key for cell in found] == ["clean.c1", "clean.c8", "clean.c32", "short.c8"]
    assert [cell.key for cell in cells(settings(runs=("short",), streams=(1, 4)), 4096, large=False)] == ["short.c4"]


def test_open_loops_have_no_streams_in_their_name() -> None:
    assert [cell.key for cell in cells(settings(runs=("open",)), 4096, large=False)] == ["open"]


def test_the_large_model_has_its_own_cells() -> None:
    chosen = settings(runs=("clean", "large"), streams=(8,))
    assert [cell.key for cell in cells(chosen, 4096, large=False)] == ["clean.c8"]
    assert [cell.key for cell in cells(chosen, 4096, large=True)] == ["large.c8"]


def test_answers_are_as_long_as_asked_for_or_as_the_model_can_hold() -> None:
    tokens = {
        cell.run.name: cell.tokens
        for cell in cells(settings(runs=("clean", "short", "long"), streams=(8,)), 1024, large=False)
    }
    assert tokens == {"clean": 128, "short": 100, "long": 1024 - PROMPT_TOKENS}


@pytest.mark.parametrize(("asked", "expected"), [(None, [8, 16, 64]), (2, [2, 8, 32]), (10, [10, 10, 32])])
def test_every_stream_has_a_request(asked: int | None, expected: list[int]) -> None:
    found = cells(settings(runs=("clean",), requests=asked), 4096, large=False)
    assert [cell.requests for cell in found] == expected


def test_every_run_is_named_by_its_key() -> None:
    assert all(name == run.name for name, run in RUNS.items())
