"""The stopwatches of one choice, on a clock that the test moves."""

from server.generation.clockwork import Clockwork
from tests.generation.stage import Recorder


class Bench:
    def __init__(self) -> None:
        self.at = 100.0
        self.observer = Recorder()
        self.clock = Clockwork(self.observer, lambda: self.at)

    @property
    def times(self) -> dict[str, list[float]]:
        return self.observer.times


def test_the_first_release_is_timed_once_from_the_beginning() -> None:
    bench = Bench()
    for upto in (2, 4):
        bench.at += 3
        bench.clock.released(upto)
    assert bench.times["first_release"] == [3.0]


def test_held_is_the_age_of_the_oldest_token_that_leaves() -> None:
    bench = Bench()
    for upto in (2, 4, 6):
        bench.clock.drafted(upto)
        bench.at += 1
    bench.clock.released(4)
    bench.at += 1
    bench.clock.released(6)
    assert bench.times["held"] == [3.0, 2.0]


def test_tokens_that_survive_a_rewind_keep_their_age() -> None:
    bench = Bench()
    bench.clock.drafted(6)
    bench.at += 5
    bench.clock.rewound(4)
    bench.clock.drafted(8)
    bench.at += 1
    bench.clock.released(4)
    bench.clock.released(8)
    assert bench.times["held"] == [6.0, 1.0]


def test_dropped_tokens_have_no_age() -> None:
    bench = Bench()
    bench.clock.drafted(2)
    bench.clock.released(2)
    bench.clock.drafted(6)
    bench.at += 5
    bench.clock.cut(2)
    bench.clock.drafted(4)
    bench.at += 1
    bench.clock.released(4)
    assert bench.times["held"] == [0.0, 1.0]


def test_a_rewind_takes_until_the_next_draft() -> None:
    bench = Bench()
    bench.clock.rewound(0)
    bench.at += 2
    bench.clock.drafted(1)
    bench.at += 2
    bench.clock.drafted(2)
    assert bench.times["rewind"] == [2.0]


def test_trouble_counts_from_a_flag_to_the_calm_and_adds_up() -> None:
    bench = Bench()
    assert bench.clock.flagged() == 0
    bench.at += 2
    assert bench.clock.flagged() == 2
    bench.at += 1
    bench.clock.calm()
    bench.at += 50  # all is well
    bench.clock.calm()
    assert bench.clock.flagged() == 3
    bench.at += 4
    assert bench.clock.flagged() == 7
