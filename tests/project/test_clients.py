"""The table of clients is what was seen of the clients that are run, and nothing else."""

import json
from pathlib import Path

from clients.run import CLIENTS, HERE, PAGE, SEEN, rewritten, table


def test_every_client_has_its_script_and_every_script_its_client() -> None:
    scripts = {path.name for folder in ("python", "node") for path in (HERE / folder).glob("*.*")}
    assert {client.script for client in CLIENTS} == {name for name in scripts if Path(name).stem != "seen"}


def test_every_package_is_pinned() -> None:
    pins = [package for client in CLIENTS for package in client.packages]
    assert all("==" in pin or pin.rfind("@") > 0 for pin in pins), pins


def test_the_page_shows_what_was_seen() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert rewritten(page, json.loads(SEEN.read_text(encoding="utf-8"))) == page


def test_what_was_not_run_says_so() -> None:
    lines = table({CLIENTS[0].name: {"works": ["chat"], "report": [], "refusal": ["`a|b`"]}}).splitlines()
    assert lines[2].endswith("| chat | nowhere | `a\\|b` |")
    assert lines[3].endswith("| not run to its end: not run |  |  |")
