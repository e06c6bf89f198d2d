"""The tables of docs/policies.md, from the models themselves: `python -m server.policy.reference` writes them anew."""

import sys
from pathlib import Path

from pydantic import BaseModel

from server.policy.policy import Policy
from server.policy.resolve import DetoxRequest
from server.policy.shape import expectation, schema_of

PAGE = Path(__file__).parents[2] / "docs" / "policies.md"
TABLES: dict[str, type[BaseModel]] = {"policy": Policy, "request": DetoxRequest}


def table(model: type[BaseModel]) -> str:
    """Gives a Markdown table of a model: key, what it takes, default, meaning."""
    lines = ["| key | takes | default | meaning |", "|---|---|---|---|"]
    for key, schema in schema_of(model)["properties"].items():
        lines.append(f"| `{key}` | {expectation(schema)} | {_default(schema['default'])} | {schema['description']} |")
    return "\n".join(lines)


def rewritten(page: str) -> str:
    """Gives a page with every table between its two marks made anew; raises ValueError if a mark is missing."""
    for name, model in TABLES.items():
        start, end = f"<!-- table: {name} -->\n", f"\n<!-- end: {name} -->"
        before, after = page.index(start) + len(start), page.index(end)
        page = page[:before] + table(model) + page[after:]
    return page


def _default(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"`{key}` {inner}" for key, inner in value.items())
    if isinstance(value, list):
        return ", ".join(f"`{item}`" for item in value)
    if value is None:
        return "not given"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    sys.stdout.write(f"wrote {PAGE.name}\n")
