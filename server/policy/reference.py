"""The tables of docs/policies.md, from the code itself: `python -m server.policy.reference` rewrites them."""

import sys
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import BaseModel

from filters.languages import CODES
from server.guard.ladder import RUNGS, Place, Rung
from server.policy.policy import Policy
from server.policy.resolve import DetoxRequest
from server.policy.shape import expectation, schema_of

PAGE = Path(__file__).parents[2] / "docs" / "policies.md"
PLACES: Mapping[Place, str] = {
    "onset": "the word at which the text turned",
    "clause": "the start of the clause",
    "sentence": "the start of the sentence",
    "previous_sentence": "the start of the sentence before; for answers that are not streamed",
    "start": "the start of the answer",
}


def table(model: type[BaseModel]) -> str:
    """Return a Markdown table of a model: key, what it takes, default, meaning."""
    lines = ["| key | takes | default | meaning |", "|---|---|---|---|"]
    for key, schema in schema_of(model)["properties"].items():
        lines.append(f"| `{key}` | {expectation(schema)} | {_default(schema['default'])} | {schema['description']} |")
    return "\n".join(lines)


def ladder_table() -> str:
    """Return a Markdown table of the rungs: where each goes back to, and what it changes there."""
    lines = ["| rung | goes back to | and changes |", "|---|---|---|"]
    lines += [f"| `{name}` | {PLACES[rung.place]} | {_changes(rung)} |" for name, rung in RUNGS.items()]
    return "\n".join(lines)


def languages_list() -> str:
    """Return the codes of the languages that can be told apart, wrapped."""
    return textwrap.fill(", ".join(f"`{code}`" for code in sorted(CODES)), 100)


TABLES: Mapping[str, Callable[[], str]] = {
    "policy": lambda: table(Policy),
    "ladder": ladder_table,
    "languages": languages_list,
    "request": lambda: table(DetoxRequest),
}


def rewritten(page: str) -> str:
    """Return a page with every table between its two marks rewritten; raises ValueError if a mark is missing."""
    for name, made in TABLES.items():
        start, end = f"<!-- table: {name} -->\n", f"\n<!-- end: {name} -->"
        before, after = page.index(start) + len(start), page.index(end)
        page = page[:before] + made() + page[after:]
    return page


def _changes(rung: Rung) -> str:
    changes = []
    if rung.bans:
        changes.append("its first token is barred, at this position only")
    if rung.parallel:
        changes.append(
            "`parallel_candidates` continuations at once: the first clean one goes on, the others are aborted"
        )
    if rung.avoids:
        gone = f"some 400 times less likely for the next {rung.avoids} tokens"
        changes.append(f"every word at which the text turned here becomes {gone}")
    changes += [f"the model's own probe turns away what is drawn, for the next {rung.turns} tokens"] * bool(rung.turns)
    return "; ".join(changes) or "nothing but the draw, a little warmer (`temperature_step`)"


def _default(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"`{key}` {inner}" for key, inner in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(f"`{item}`" for item in value)
    if value is None:
        return "not given"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    sys.stdout.write(f"wrote {PAGE.name}\n")
