"""The table of what each door kept, and that no journey is left out of it by mistake."""

from pathlib import Path

import pytest

from tests.live.promises import ALL, JOURNEYS, PROMISES, kept, promise, spread

LEFT_OUT = {
    "exact_rewinding": "drives the engine itself",
    "probe": "drives the engine itself",
    "upstream": "guards the server that it is given once more",
    "oracle": "draws hundreds of requests: what it reads, it reads in the same way through any door",
    "harness": "asks hundreds of times: alternatives are judged in test_leaks.py too",
    "page": "needs a browser",
    "allocator": "reads what the engine's processes have loaded",
}
"""Journeys that `make promises` does not try, and why."""


def test_every_journey_is_tried_through_the_doors_or_says_why_not() -> None:
    there = {str(path) for path in Path("tests/journeys").glob("test_*.py")}
    assert there == {*ALL, *(JOURNEYS.format(name) for name in LEFT_OUT)}


@pytest.mark.parametrize("place", [place for place in PROMISES if "::" in place])
def test_a_promise_that_some_tests_of_a_journey_are_about_has_such_tests(place: str) -> None:
    journey, _, test = place.partition("::")
    text = Path(JOURNEYS.format(journey)).read_text(encoding="utf-8")
    assert f"def {test}" in text


@pytest.mark.parametrize(
    ("test", "place"),
    [
        ("test_leaks.py::test_no_event[command-chat]", "leaks"),
        ("test_failures.py::test_a_client_that_leaves_takes[x]", "failures::test_a_client_that_leaves"),
        ("test_failures.py::test_a_scorer_lost_in_mid_stream_ends_it", "failures"),
    ],
)
def test_a_test_is_about_one_promise(test: str, place: str) -> None:
    assert promise(f"tests/journeys/{test}") == PROMISES[place]


def test_the_table_counts_what_was_kept_and_leaves_out_what_was_not_tried() -> None:
    leak, edge = "tests/journeys/test_leaks.py::", "tests/journeys/test_edges.py::"
    came = [("command", f"{leak}a", "passed"), ("command", f"{leak}b", "failed"), ("command", f"{leak}c", "skipped")]
    head, _, leaks, edges, *_ = kept([*came, ("plugin", f"{edge}a", "passed")], ["command", "plugin"]).splitlines()
    assert head == "| promise | `unsay serve` | `VLLM_PLUGINS=unsay vllm serve` |"
    assert leaks.endswith("| 1 of 2 | not tried |") and edges.endswith("| not tried | 1 of 1 |")


@pytest.mark.parametrize(("most", "found"), [(1, "a"), (2, "ac"), (3, "abd"), (9, "abcde")])
def test_the_cases_that_are_tried_are_spread_over_all(most: int, found: str) -> None:
    assert spread("abcde", most) == list(found)
