"""The documentation is wrapped at 100 columns; tables and code are as wide as they need to be, and stay as they are."""

import re
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


def bare_flags(text: str) -> list[str]:
    """The flags of commands that prose has outside code: a block that was wrapped as if it were prose."""
    said = "\n".join(line for _, line in prose(text))
    return re.findall(r"(?<!\S)--[a-z][\w-]*", re.sub(r"`[^`]*`", "", said))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_code_was_not_wrapped(page: Path) -> None:
    assert bare_flags(page.read_text(encoding="utf-8")) == []


def test_a_wrapped_block_is_seen() -> None:
    assert bare_flags(
        "unsay serve --probe DIR one of\nyours; `unsay serve --probe none` none\n\n    unsay --version"
    ) == ["--probe"]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_prose_is_wrapped(page: Path) -> None:
    assert wide(page.read_text(encoding="utf-8")) == []


def test_tables_and_code_may_be_wide() -> None:
    long = "x" * (COLUMNS + 1)
    lines = ["y" * COLUMNS, long, f"| {long} |", f"    {long}", "```", long, "```", f"- {long}"]
    assert wide("\n".join(lines)) == [2, 8]
