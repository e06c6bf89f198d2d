"""A dashboard as Grafana reads it: rows, places on the grid, and what may be chosen."""

import json
from itertools import combinations
from typing import Any

import pytest

from dashboards.__main__ import BOARDS
from dashboards.board import Board, Row, written
from dashboards.panels import Panel, Query

PANEL = Panel("Title", "What it shows.", "none", [Query('a{policy=~"$policy"}')], width=12)
BOARD = Board("own", "Own", "Of a test.", [Row("First", [PANEL, PANEL]), Row("Second", [PANEL])])


def read(board: Board) -> dict[str, Any]:
    """What Grafana reads."""
    return dict(json.loads(written(board)))


def overlap(a: dict[str, int], b: dict[str, int]) -> bool:
    across = a["x"] < b["x"] + b["w"] and b["x"] < a["x"] + a["w"]
    return across and a["y"] < b["y"] + b["h"] and b["y"] < a["y"] + a["h"]


def test_rows_and_panels_are_there_in_order_under_numbers_of_their_own() -> None:
    made = read(BOARD)
    assert (made["uid"], made["title"], made["editable"]) == ("own", "unsay: Own", False)
    assert [panel["title"] for panel in made["panels"]] == ["First", "Title", "Title", "Second", "Title"]
    assert [panel["id"] for panel in made["panels"]] == [1, 2, 3, 4, 5]
    assert len(BOARD.panels) == 3


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: str(board.uid))
def test_panels_lie_on_the_grid_and_not_on_each_other(board: Board) -> None:
    places = {panel["id"]: panel["gridPos"] for panel in read(board)["panels"]}
    assert all(place["x"] >= 0 and place["x"] + place["w"] <= 24 for place in places.values())
    assert [(a, b) for a, b in combinations(places, 2) if overlap(places[a], places[b])] == []


def test_source_instance_model_and_policy_may_be_chosen_and_a_category_where_it_is_asked_for() -> None:
    plain, by_category = (read(Board("b", "B", "D.", [], by_category=wanted)) for wanted in (False, True))
    names = [variable["name"] for variable in plain["templating"]["list"]]
    assert names == ["datasource", "instance", "model", "policy"]
    assert [variable["name"] for variable in by_category["templating"]["list"]] == [*names, "category"]
    for variable in plain["templating"]["list"][1:]:
        assert (variable["multi"], variable["includeAll"], variable["allValue"]) == (True, True, ".*")
        assert variable["current"]["value"] == ["$__all"]


def test_every_board_leads_to_the_others_with_what_was_chosen() -> None:
    (link,) = read(BOARD)["links"]
    assert (link["type"], link["tags"], link["includeVars"], link["keepTime"]) == ("dashboards", ["unsay"], True, True)
