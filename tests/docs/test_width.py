"""The documentation is wrapped at 100 columns; only tables and code are as wide as they need to be."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.test_paths import ROOT, name

COLUMNS = 100
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
# Grows with every change, line by line: wrapped as it is written.
PAGES.remove(ROOT / "CHANGELOG.md")


def prose(text: str) -> Iterator[tuple[int, str]]:
    """Every line with its number that is neither code, fenced or indented, nor a row of a table."""
    fenced = False
    for number, line in enumerate(text.splitlines(), start=1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced and not line.startswith("    ") and not line.lstrip().startswith("|"):
            yield number, line


def wide(text: str) -> list[int]:
    """The numbers of the lines of prose that are too wide."""
    return [number for number, line in prose(text) if len(line) > COLUMNS]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_prose_is_wrapped(page: Path) -> None:
    assert wide(page.read_text(encoding="utf-8")) == []


def test_tables_and_code_may_be_wide() -> None:
    long = "x" * (COLUMNS + 1)
    lines = ["y" * COLUMNS, long, f"| {long} |", f"    {long}", "```", long, "```", f"- {long}"]
    assert wide("\n".join(lines)) == [2, 8]
