"""How much work waits for the scorer."""

from pytest import approx

from filters.pace import RESTS, SHARE, WRITTEN_SECONDS, Pace


def test_before_the_first_pass_nothing_is_known() -> None:
    assert Pace().backlog(5.0, 100) == 0.0


def test_what_waits_takes_as_long_as_what_came_before() -> None:
    pace = Pace()
    pace.begin(0.0, 4)
    pace.end(0.4)
    assert pace.backlog(9.0, 10) == approx(1.0)
    pace.begin(9.0, 2)
    pace.end(2 * 0.3)
    assert pace.backlog(9.6, 10) == approx(10 * (0.1 + SHARE * 0.2))


def test_a_pass_that_is_under_way_counts_whole_or_longer_if_it_takes_longer() -> None:
    pace = Pace()
    pace.begin(0.0, 4)
    assert pace.backlog(3.0, 10) == approx(3.0), "the first one, of which nothing is known"
    pace.end(0.4)
    pace.begin(10.0, 16)
    assert pace.backlog(10.1, 0) == approx(1.6)
    assert pace.backlog(15.0, 10) == approx(5.0 + 1.0)
    pace.end(1.6)
    assert pace.backlog(15.0, 0) == 0.0


def test_while_answers_are_written_the_scorer_rests_after_a_pass() -> None:
    pace = Pace()
    assert pace.rest(1.0, 0.5) == 0.0
    pace.written(2.0)
    assert pace.rest(3.0, 0.5) == RESTS * 0.5
    assert pace.rest(2.0 + WRITTEN_SECONDS, 0.5) == 0.0
