"""The files in the tree are what the code writes, and every panel of every dashboard is in order."""

import json
import re
from pathlib import Path

import pytest

from dashboards.__main__ import BOARDS, FOLDER, main
from dashboards.board import CATEGORY, CHOICES, Board
from dashboards.panels import Panel
from tests.dashboards.seen import ALL
from tests.deploy.test_dashboard import ours, vllms

PANELS = [(f"{board.uid}: {panel.title}", panel) for board in BOARDS for panel in board.panels]
QUERIES = [query.expression for _, panel in PANELS for query in panel.queries]

every_board = pytest.mark.parametrize("board", BOARDS, ids=lambda board: str(board.uid))
every_panel = pytest.mark.parametrize("panel", [panel for _, panel in PANELS], ids=[name for name, _ in PANELS])


def test_the_files_in_the_tree_are_those_that_the_code_writes(tmp_path: Path) -> None:
    main(tmp_path)
    made = {file.name: file.read_text(encoding="utf-8") for file in tmp_path.iterdir()}
    assert made == {file.name: file.read_text(encoding="utf-8") for file in FOLDER.iterdir()}, "make dashboards"
    assert made.keys() == {f"unsay-{name}.json" for name in ("toxicity", "cost", "health")}


@every_panel
def test_a_panel_says_what_it_shows(panel: Panel) -> None:
    assert panel.title and panel.unit and panel.queries
    assert panel.description.endswith(".") and "|" not in panel.description
    assert len({query.legend for query in panel.queries}) == len(panel.queries)


@every_board
def test_no_two_panels_of_a_board_have_one_title(board: Board) -> None:
    titles = [(row.title, panel.title) for row in board.rows for panel in row.panels]
    assert len(set(titles)) == len(titles)


@every_board
def test_rows_are_as_wide_as_the_page(board: Board) -> None:
    assert [row.title for row in board.rows if sum(panel.width for panel in row.panels) % 24] == []


@every_panel
def test_a_panel_uses_choices_that_there_are_and_every_query_those_of_instance_and_model(panel: Panel) -> None:
    text = json.dumps([query.expression for query in panel.queries])
    assert set(re.findall(r"\$\w+", text)) <= {*ALL, "$__rate_interval"}
    assert all("$instance" in query.expression and "$model" in query.expression for query in panel.queries)


def test_every_metric_that_is_asked_for_is_published() -> None:
    asked = set(re.findall(r"\b(?:unsay_|vllm:)[a-z_]+", "\n".join([*QUERIES, *CHOICES.values(), CATEGORY])))
    assert any(name.startswith("vllm:") for name in asked)
    assert asked <= ours() | vllms(), asked - ours() - vllms()


def test_every_metric_of_ours_is_on_some_dashboard() -> None:
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in ours()}
    assert {name for name in families if name not in "\n".join(QUERIES)} == set()
