"""What the server still takes in, when it refuses, and when it says to come again."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import Unavailable
from server.generation import capacity
from server.generation.capacity import LATELY_SECONDS, LONGEST_RETRY_SECONDS, Bounds, Capacity, Shortage


class Server:
    """A capacity, its clock, what waits for its scorer, and what its observer was told."""

    def __init__(self, choices: float = 4, backlog_seconds: float = 2.0) -> None:
        self.now, self.backlog = 100.0, 0.0
        self.under_way, self.refused = list[int](), list[Shortage]()
        bounds = Bounds(choices=choices, backlog_seconds=backlog_seconds)
        self.capacity = Capacity(bounds, lambda: self.backlog, self, lambda: self.now)

    def choices_under_way(self, choices: int) -> None:
        self.under_way.append(choices)

    def no_capacity(self, shortage: Shortage) -> None:
        self.refused.append(shortage)

    def seconds(self, choices: int = 1, *, judged: bool = True) -> float | None:
        """When to come again; None if there is room."""
        try:
            self.capacity.check(choices, judged=judged)
        except Unavailable as error:
            return error.retry_after_seconds
        return None

    def finish(self, each: float, count: int) -> None:
        """So many choices end one after another, each after so many seconds."""
        for _ in range(count):
            with self.capacity.during(1):
                self.now += each

    @contextmanager
    def holding(self, choices: int) -> Iterator[None]:
        with self.capacity.during(choices):
            yield


def test_what_goes_over_is_refused_until_something_has_ended() -> None:
    server = Server(choices=4)
    with server.holding(3):
        assert server.seconds(1) is None and server.seconds(2) is not None
        with server.holding(1):
            assert server.seconds(1) is not None
        assert server.seconds(1) is None
    assert server.refused == ["engine", "engine"] and server.under_way == [3, 4, 3, 0]


def test_with_nothing_under_way_any_request_is_taken() -> None:
    server = Server(choices=4)
    server.backlog = 99.0
    assert server.seconds(128) is None


def test_a_backlog_at_the_scorer_refuses_what_would_be_judged() -> None:
    server = Server(backlog_seconds=2.0)
    with server.holding(1):
        server.backlog = 2.0
        assert server.seconds() is None
        server.backlog = 2.1
        assert server.seconds(judged=False) is None and server.seconds() is not None
    assert server.refused == ["scorer"]


def test_an_answer_that_fails_is_over_too() -> None:
    server = Server()
    with pytest.raises(RuntimeError), server.holding(2):
        raise RuntimeError
    assert server.capacity.under_way == 0


def test_when_to_come_again_is_told_by_how_fast_choices_end() -> None:
    server = Server(choices=10)
    with server.holding(10):
        server.finish(each=0.5, count=20)
        assert server.seconds(4) == pytest.approx(4 * 0.5)
        assert server.seconds(4) == pytest.approx((4 + 4) * 0.5), "behind those that were refused before"
        server.now += 15.0
        assert server.seconds(1) == pytest.approx((1 + 8) * 25.0 / 20), "it has been slower since"


def test_the_time_before_it_was_busy_does_not_count() -> None:
    server = Server(choices=2)
    server.now += 1000.0
    with server.holding(2):
        server.finish(each=0.1, count=10)
        assert server.seconds(20) == pytest.approx(20 * 0.1)


def test_when_nothing_has_ended_yet_it_is_a_guess_and_never_too_long() -> None:
    server = Server(choices=2)
    with server.holding(2):
        assert server.seconds() == capacity.RETRY_SECONDS
        server.finish(each=LATELY_SECONDS, count=1)
        server.now += 1
        assert server.seconds(128) == LONGEST_RETRY_SECONDS
    server = Server(choices=2)
    with server.holding(2):
        server.finish(each=0.001, count=100)
        assert server.seconds(1) == 1.0


def test_what_happened_long_ago_is_forgotten() -> None:
    server = Server(choices=1)
    with server.holding(1):
        for _ in range(1000):
            server.finish(each=1.0, count=1)
            server.seconds()
        assert len(server.capacity._ended._by_second) <= LATELY_SECONDS + 2
        assert len(server.capacity._refused._by_second) <= LATELY_SECONDS + 2


def test_the_log_says_it_once_and_again_after_a_while(caplog: pytest.LogCaptureFixture) -> None:
    server = Server(choices=1)
    with caplog.at_level(logging.WARNING, "unsay.server"), server.holding(1):
        for seconds in (0, 1, capacity.SILENT_SECONDS, capacity.SILENT_SECONDS + 1):
            server.now += seconds
            server.seconds()
    assert len(caplog.records) == 2


@given(st.lists(st.integers(min_value=1, max_value=6), max_size=30), st.integers(min_value=1, max_value=8))
def test_never_more_than_the_bound_is_under_way_but_for_one_that_came_alone(asked: list[int], most: int) -> None:
    server, first = Server(choices=most), 0
    with ExitStack() as stack:
        for choices in asked:
            if server.seconds(choices) is None:
                first = first or choices
                stack.enter_context(server.holding(choices))
            assert server.capacity.under_way <= max(most, first)
    assert server.capacity.under_way == 0
