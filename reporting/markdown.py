"""Tables in Markdown, as easy to read where they are printed."""

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; line ends within a cell become slashes. ValueError if a row is not as wide as the head."""
    lines = [_row(head), "|---" * len(head) + "|"]
    for row in rows:
        if len(row) != len(head):
            raise ValueError(f"expected {len(head)} cells, found {len(row)}")
        lines.append(_row(row))
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(text: str) -> str:
    return " / ".join(line.strip() for line in text.split("\n") if line.strip()).replace("|", "\\|")
