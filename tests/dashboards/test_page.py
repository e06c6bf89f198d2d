"""docs/dashboards.md lists every panel of every dashboard as it is, each with a value; it is written by a command."""

import re
from pathlib import Path

from dashboards.__main__ import BOARDS
from dashboards.panels import Panel, Query
from tests.dashboards.page import HEAD, said
from tests.dashboards.seen import Value

PAGE = (Path(__file__).parents[2] / "docs/dashboards.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (.+) \| (.+) \| (.+) \|$", PAGE, re.MULTILINE)


def test_the_page_has_every_panel_and_no_other() -> None:
    panels = [(panel.title, panel.description) for board in BOARDS for panel in board.panels]
    assert [(title, description) for title, description, _ in ROWS if title != "panel"] == panels, "make dashboards"
    assert PAGE.startswith(HEAD)


def test_every_panel_has_a_value() -> None:
    assert all(re.search(r"\d", value) for title, _, value in ROWS if title != "panel")


def test_a_value_is_said_as_the_panel_shows_it_and_without_an_address() -> None:
    share, seconds = (Panel("T", "D.", unit, [Query("a")]) for unit in ("percentunit", "s"))
    assert said(share, Value("insult", 0.1234)) == "insult: 12.3%"
    assert said(seconds, Value("127.0.0.1:4711 output", 0.25)) == "output: 0.25 s"
    assert said(seconds, Value("", 2)) == "2 s"
