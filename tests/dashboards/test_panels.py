"""A panel as Grafana reads it: unit, description, queries; and whether a choice of policies filters it."""

import json
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards.panels import ALL_POLICIES, Kind, Panel, Query, built, number, of_all_policies, spread

QUERIES = [Query('a{policy=~"$policy"}', "{{x}}"), Query('b{policy=~"$policy"}')]


def read(panel: Panel) -> dict[str, Any]:
    """What Grafana reads of it."""
    return dict(json.loads(json.dumps(built(panel).build(), cls=JSONEncoder)))


@pytest.mark.parametrize("kind", ["timeseries", "stat", "heatmap", "table"])
def test_a_panel_says_what_it_shows_in_which_unit_and_asks_its_queries(kind: Kind) -> None:
    made = read(Panel("Title", "What it shows.", "percentunit", QUERIES, kind, width=6, height=4))
    assert (made["type"], made["title"], made["description"]) == (kind, "Title", "What it shows.")
    assert made["fieldConfig"]["defaults"]["unit"] == "percentunit"
    assert (made["gridPos"]["w"], made["gridPos"]["h"]) == (6, 4)
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    assert [made["datasource"], *(target["datasource"] for target in made["targets"])] == [chosen] * 3
    assert [(target["refId"], target["expr"]) for target in made["targets"]] == [
        ("A", QUERIES[0].expression),
        ("B", QUERIES[1].expression),
    ]


def test_a_table_asks_for_now_and_all_else_for_a_time() -> None:
    table, graph = (read(Panel("T", "D.", "none", QUERIES, kind)) for kind in ("table", "timeseries"))
    assert [target.get("instant") for target in table["targets"]] == [True, True]
    assert [target.get("instant", False) for target in graph["targets"]] == [False, False]
    assert [target["legendFormat"] for target in graph["targets"]] == ["{{x}}", "__auto"]


def test_panels_that_no_choice_of_policies_filters_say_so() -> None:
    one, other = Panel("A", "First.", "s", QUERIES), Panel("B", "Second.", "s", [*QUERIES, Query("c")])
    assert (one.filters_policy, other.filters_policy) == (True, False)
    assert [panel.description for panel in of_all_policies([one, other])] == ["First.", f"Second.{ALL_POLICIES}"]


def test_a_number_and_a_spread() -> None:
    assert number("N", "D.", "short", "sum(a)") == Panel("N", "D.", "short", [Query("sum(a)")], "stat", 6, 4)
    assert [query.legend for query in spread("S", "D.", "unsay_held_seconds").queries] == ["p50", "p95", "p99"]
