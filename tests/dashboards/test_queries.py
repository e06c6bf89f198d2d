"""PromQL with the choices in it: by label where a series has it, by what its instance serves where not."""

import pytest

from dashboards import queries
from tests.docs.test_metrics import published

SERVING = 'and on (instance) unsay_build_info{instance=~"$instance",model=~"$model"}'


def test_a_series_is_filtered_by_every_label_that_it_has() -> None:
    spans = queries.rate("unsay_spans_total", 'verdict="flagged"')
    chosen = 'instance=~"$instance",model=~"$model",policy=~"$policy"'
    assert spans == f'rate(unsay_spans_total{{verdict="flagged",{chosen}}}[$__rate_interval])'
    assert queries.now("vllm:num_requests_running") == (
        'vllm:num_requests_running{instance=~"$instance",model_name=~"$model"}'
    )


def test_a_series_without_a_model_is_filtered_by_what_its_instance_serves() -> None:
    assert queries.now("unsay_engine_hangs") == f'(unsay_engine_hangs{{instance=~"$instance"}} {SERVING})'
    assert queries.increase("unsay_reloads_total", over="1h") == (
        f'(increase(unsay_reloads_total{{instance=~"$instance"}}[1h]) {SERVING})'
    )


@pytest.mark.parametrize(("name", "labels"), [(name, labels) for name, (_, labels) in published().items()])
def test_what_is_said_of_labels_is_so(name: str, labels: tuple[str, ...]) -> None:
    selected = queries.selected(name)
    assert ("model=~" in selected, "policy=~" in selected) == ("model" in labels, "policy" in labels)


def test_shares_sums_and_quantiles() -> None:
    assert queries.total("a") == "sum(a)"
    assert queries.total("a", "x", "y") == "sum by (x, y) (a)"
    assert queries.share("a", "b") == "a / b"
    assert queries.share_of_all("a", "b") == "a / on () group_left () b"
    assert (queries.largest("a", "x"), queries.smallest("a", "x")) == ("max by (x) (a)", "min by (x) (a)")
    rated = queries.rate("unsay_score_bucket")
    assert queries.quantile(0.5, "unsay_score", "category") == (
        f"histogram_quantile(0.5, sum by (le, category) ({rated}))"
    )
    sums, counts = (queries.rate(f"unsay_held_seconds_{end}") for end in ("sum", "count"))
    assert queries.mean("unsay_held_seconds") == f"sum({sums}) / sum({counts})"
    assert queries.count_up() == f'count((up{{instance=~"$instance"}} {SERVING}) == 1)'
