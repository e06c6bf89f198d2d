"""Which version judges: a step forward (promote), a step back, and what a candidate's shadow has seen."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean

from filters.scorers import versions
from filters.scorers.shadow import AGREEMENTS
from filters.scorers.state import State, read_state, write_state
from learning.errors import LearnError


def promote(folder: Path, name: str | None) -> State:
    """Put a version in force, None for the candidate. LearnError if there is none, or it has failed a test."""
    state = read_state(folder)
    name = name or state.candidate
    if name is None:
        raise LearnError(folder, "there is no candidate; `unsay learn` makes one, or name a version")
    if name == state.current:
        raise LearnError(folder, f"{name} is in force already")
    failed = [str(test["name"]) for test in versions.about(folder, name)["tests"] if not test["passed"]]
    if failed:
        raise LearnError(folder, f"{name} has failed {', '.join(failed)}: it cannot be promoted")
    candidate = None if name == state.candidate else state.candidate
    found = replace(state, current=name, before=state.current, candidate=candidate)
    write_state(folder, found)
    return found


def roll_back(folder: Path) -> State:
    """Put in force what was before, the classifier alone if nothing was. LearnError if that is so already."""
    state = read_state(folder)
    if state.current is None:
        raise LearnError(folder, "nothing learned is in force: there is nothing to go back to")
    found = replace(state, current=state.before, before=None)
    write_state(folder, found)
    return found


def report(folder: Path) -> list[str]:
    """Return lines on what is in force, and on where the candidate differs from it: counts and scores, no text."""
    state = read_state(folder)
    lines = [f"in force: {state.current or 'the classifier alone'}"]
    if state.candidate is None:
        return [*lines, "candidate: none"]
    lines.append(f"candidate: {state.candidate}, beside it on {state.share:.0%} of the traffic")
    counts, differences = _seen(folder, state.candidate)
    lines += [f"  flagged by {_WORDS[each]}: {counts[each]}" for each in AGREEMENTS]
    for name in sorted({category for category, _, _ in differences}):
        pairs = [(now, then) for category, now, then in differences if category == name]
        means = " -> ".join(f"{fmean(column):.2f}" for column in zip(*pairs, strict=True))
        lines.append(f"  {name}: {len(pairs)} differences kept, mean score {means}")
    return lines


_WORDS = {"neither": "neither", "both": "both", "current": "what is in force alone", "candidate": "the candidate alone"}


def _seen(folder: Path, name: str) -> tuple[Counter[str], Sequence[tuple[str, float, float]]]:
    """Return what all servers have noted of a candidate; a file that cannot be read is left out."""
    counts: Counter[str] = Counter()
    differences: list[tuple[str, float, float]] = []
    for path in sorted((folder / "shadow" / name).glob("*.json")):
        try:
            said = json.loads(path.read_text(encoding="utf-8"))
            counts.update(said["counts"])
            differences += [(str(each[0]), float(each[1]), float(each[2])) for each in said["differences"]]
        except (OSError, ValueError, LookupError, TypeError):
            continue
    return counts, differences
