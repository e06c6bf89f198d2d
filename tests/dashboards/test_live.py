"""Every panel, asked of a real Prometheus that reads servers under load: none is empty, and every choice filters."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from dashboards.__main__ import BOARDS
from dashboards.board import CATEGORY, CHOICES
from dashboards.panels import Panel
from tests.dashboards.seen import ALL, Seen, seeing

PANELS = [(f"{board.uid}: {panel.title}", panel) for board in BOARDS for panel in board.panels]

pytestmark = pytest.mark.timeout(300)
every_panel = pytest.mark.parametrize("panel", [panel for _, panel in PANELS], ids=[name for name, _ in PANELS])


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    with seeing(tmp_path_factory.mktemp("seen")) as found:
        yield found


@every_panel
def test_no_query_of_a_panel_is_empty(seen: Seen, panel: Panel) -> None:
    assert seen.empty(panel) == []


@every_panel
def test_the_choice_of_instance_and_model_filters_every_query(seen: Seen, panel: Panel) -> None:
    for variable in ("$instance", "$model"):
        assert seen.empty(panel, {**ALL, variable: "nowhere"}) == list(panel.queries), variable


@every_panel
def test_the_choice_of_policy_filters_a_panel_unless_it_says_that_it_does_not(seen: Seen, panel: Panel) -> None:
    empty = seen.empty(panel, {**ALL, "$policy": "nowhere"})
    assert empty == (list(panel.queries) if panel.filters_policy else [])


def test_a_query_with_a_wrong_name_is_found(seen: Seen) -> None:
    for _, panel in PANELS:
        for query in panel.queries:
            wrong = replace(query, expression=re.sub(r"\b(unsay_|vllm:)", r"\1x_", query.expression, count=1))
            assert seen.empty(replace(panel, queries=[wrong])) == [wrong]


def test_the_choices_are_filled_with_what_there_is(seen: Seen) -> None:
    expected = {"instance": seen.engine, "model": "unsay-mini", "policy": "no-rewinds", "category": "insult"}
    for variable, query in {**CHOICES, "category": CATEGORY}.items():
        asked = re.fullmatch(r"label_values\((.+), (\w+)\)", query)
        assert asked is not None
        series = seen.prometheus.result(asked[1].replace("$instance", ".*"))
        assert expected[variable] in {each["metric"][asked[2]] for each in series}


def test_each_instance_is_read_under_the_job_that_the_alerts_name_and_can_be_chosen_alone(seen: Seen) -> None:
    read = {each["metric"]["instance"] for each in seen.prometheus.result('up{job="unsay"} == 1')}
    assert read == {seen.engine, seen.front}
    (panel,) = [panel for name, panel in PANELS if name == "unsay-cost: Waste by instance"]
    for address in (seen.engine, seen.front):
        alone = seen.values(panel.queries[0], {**ALL, "$instance": address})
        assert [each.name for each in alone] == [address]


def test_the_alert_rules_are_evaluated_without_errors_and_what_was_broken_rings(seen: Seen) -> None:
    def rules() -> dict[str, str]:
        groups = seen.prometheus.ask("rules")["groups"]
        return {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}

    def rings() -> set[str]:
        return {alert["labels"]["alertname"] for alert in seen.prometheus.ask("alerts")["alerts"]}

    broken = {"UnsayFileNotInForce", "UnsayFailOpenReleases", "UnsayScorerFailing", "UnsayUpstreamDown"}
    seen.prometheus.wait_for("rules evaluated", lambda: "unknown" not in rules().values() and broken <= rings())
    assert set(rules().values()) == {"ok"}
    assert "UnsayTargetDown" not in rings()
