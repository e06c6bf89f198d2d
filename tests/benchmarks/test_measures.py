import pytest

from benchmarks import measures
from benchmarks.scrape import Samples
from benchmarks.usage import MIB, Cpu
from tests.benchmarks.builders import answer, figures

COUNTED = {
    ("unsay_tokens_total", (("fate", "released"),)): 90.0,
    ("unsay_tokens_total", (("fate", "discarded"),)): 10.0,
    ("unsay_spans_total", (("verdict", "cleared"),)): 19.0,
    ("unsay_spans_total", (("verdict", "flagged"),)): 1.0,
    ("unsay_held_seconds_sum", ()): 0.6,
    ("unsay_held_seconds_count", ()): 3.0,
    ("unsay_scoring_batch_size_sum", ()): 20.0,
    ("unsay_scoring_batch_size_count", ()): 5.0,
    ("unsay_scoring_seconds_sum", ()): 0.05,
    ("unsay_scoring_seconds_count", ()): 5.0,
}


def test_what_the_clients_saw() -> None:
    answers = [answer(1.0, 1.1, 1.2, asked=0.5, ended=1.3), answer(1.4, 1.5, 2.5, asked=1.0, ended=2.5)]
    found = measures.of_clients(answers)
    assert found["tokens"] == 8.0
    assert found["tokens_per_second"] == pytest.approx(8 / 2.0)
    assert found["first_token_ms"] == pytest.approx(450.0)
    assert found["answer_ms"] == pytest.approx(1150.0)
    assert found["gap_p50_ms"] == pytest.approx(100.0)
    assert 950 < found["gap_p99_ms"] < 1000


def test_answers_in_one_piece_have_no_gaps() -> None:
    assert "gap_p50_ms" not in measures.of_clients([answer(1.0)])


def test_what_the_processes_used_is_told_for_a_token() -> None:
    found = measures.of_processes(Cpu(3.0, 0.5), 512 * MIB, 2000.0)
    assert found == {"cpu_seconds_per_1000_tokens": 1.5, "loop_us_per_token": 250.0, "peak_memory_mib": 512.0}


def test_what_the_guard_counted() -> None:
    found = measures.of_guard(Samples(COUNTED), 90.0)
    assert (found["waste"], found["flagged_share"]) == (0.1, 0.05)
    assert found["held_ms"] == pytest.approx(200.0)
    assert found["score_batch_size"] == 4.0
    assert found["score_call_ms"] == pytest.approx(10.0)
    assert found["score_calls_per_1000_tokens"] == pytest.approx(1e3 * 5 / 90)
    assert found["scorer_failures"] == 0.0


def test_what_did_not_happen_is_left_out() -> None:
    found = measures.of_guard(Samples({}), 90.0)
    assert not {"held_ms", "waste", "flagged_share", "score_batch_size", "screened_share"} & found.keys()


def test_pairs_are_compared_and_not_their_medians() -> None:
    pairs = [(figures(plain), figures(plain * ratio)) for plain, ratio in [(100, 0.9), (10, 0.8), (1000, 0.7)]]
    found = measures.of_cell("clean.c8", pairs)
    assert found["clean.c8.throughput_ratio"] == pytest.approx(0.8)
    assert found["clean.c8.throughput_ratio_low"] == pytest.approx(0.75)
    assert found["clean.c8.throughput_ratio_high"] == pytest.approx(0.85)
    assert found["clean.c8.plain_tokens_per_second"] == 100.0


def test_added_time_is_a_difference() -> None:
    guarded = figures(loop_us_per_token=315.0, first_token_ms=35.0)
    found = measures.of_cell("noop.c8", [(figures(), guarded)])
    assert found["noop.c8.added_loop_us_per_token"] == pytest.approx(15.0)
    assert found["noop.c8.added_first_steps"] == pytest.approx(5.0)


def test_figures_of_the_guard_have_no_plain_side() -> None:
    found = measures.of_cell("clean.c1", [(figures(), figures(waste=0.1)), (figures(), figures(waste=0.3))])
    assert found["clean.c1.guarded_waste"] == 0.2
    assert "clean.c1.plain_waste" not in found


def test_a_figure_that_a_side_lacks_is_not_compared() -> None:
    short = {name: value for name, value in figures().items() if not name.startswith("gap")}
    found = measures.of_cell("clean.c1", [(short, short)])
    assert not [key for key in found if "gap" in key or "steps" in key]
    assert found["clean.c1.throughput_ratio"] == 1.0


def test_long_answers_are_held_against_short_ones() -> None:
    long = [(figures(100), figures(80, loop_us_per_token=330.0))]
    short = [(figures(200), figures(180, loop_us_per_token=300.0))]
    found = measures.of_lengths(long, short)
    assert found["long.per_token_cost_ratio"] == pytest.approx((100 / 80) / (200 / 180))
    assert found["long.loop_cost_ratio"] == pytest.approx(1.1)


def test_a_spread_of_nothing_is_nothing_and_of_one_value_has_no_width() -> None:
    assert measures.spread("k", []) == {}
    assert measures.spread("k", [2.0]) == {"k": 2.0, "k_low": 2.0, "k_high": 2.0}


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1.0), (0.5, 3.0), (0.99, 4.96), (1.0, 5.0), (0.125, 1.5)])
def test_percentiles_are_interpolated(share: float, expected: float) -> None:
    assert measures.percentile([1, 2, 3, 4, 5], share) == pytest.approx(expected)
