from benchmarks.scrape import samples

PAGE = """\
# HELP unsay_tokens_total Tokens.
# TYPE unsay_tokens_total counter
unsay_tokens_total{fate="released"} %d
unsay_tokens_total{fate="discarded"} 2.0
# TYPE unsay_held_seconds histogram
unsay_held_seconds_bucket{le="0.1"} 1.0
unsay_held_seconds_bucket{le="+Inf"} %d
unsay_held_seconds_sum %f
unsay_held_seconds_count %d
# TYPE vllm:prompt_tokens_total counter
vllm:prompt_tokens_total 7.0
"""


def test_totals_are_sums_over_the_series_with_these_labels() -> None:
    found = samples(PAGE % (10, 2, 0.5, 2))
    assert found.total("unsay_tokens_total") == 12.0
    assert found.total("unsay_tokens_total", fate="released") == 10.0
    assert found.total("unsay_tokens_total", fate="other") == found.total("unsay_nothing") == 0.0


def test_only_our_own_are_read() -> None:
    assert all(name.startswith("unsay_") for name, _ in samples(PAGE % (10, 2, 0.5, 2)).values)


def test_what_was_counted_meanwhile_is_the_difference() -> None:
    counted = samples(PAGE % (30, 6, 2.5, 6)).since(samples(PAGE % (10, 2, 0.5, 2)))
    assert counted.total("unsay_tokens_total", fate="released") == 20.0
    assert counted.mean("unsay_held_seconds") == 0.5


def test_a_series_that_is_new_counts_from_nothing() -> None:
    assert samples(PAGE % (3, 1, 1, 1)).since(samples("")).total("unsay_tokens_total", fate="released") == 3.0


def test_nothing_observed_has_no_mean() -> None:
    page = samples(PAGE % (10, 2, 0.5, 2))
    assert page.since(page).mean("unsay_held_seconds") is None
