"""The dashboard of health answers what it is asked."""

import pytest

from dashboards.health import HEALTH


def test_rows_divide_the_panels_by_subject() -> None:
    rows = ["Now", "Engines", "Scorers", "Keys, files and records", "Comings and goings"]
    assert [row.title for row in HEALTH.rows] == rows


@pytest.mark.parametrize(
    "name", ["unsay_engine_hangs", "unsay_scorer_failures_total", 'result="bypassed"', "unsay_limited_requests_total"]
)
def test_engines_scorers_fail_open_and_keys_are_there(name: str) -> None:
    assert any(name in query.expression for panel in HEALTH.panels for query in panel.queries)


def test_what_runs_is_a_table() -> None:
    (table,) = [panel for panel in HEALTH.panels if panel.kind == "table"]
    assert "unsay_build_info" in table.queries[0].expression
