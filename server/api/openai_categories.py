"""OpenAI's moderation categories, told by those of a scorer.

Clients of OpenAI's moderations look for its names. The rules:
1. A category of OpenAI's is told by any of the scorer's that mean the same or more (`ANY_OF`), or by all of several
   (`ALL_OF`).
2. What no category of the scorer speaks of is there too, as clients expect it: false, 0, and applied to no input type.
3. Where a scorer has a category of the same name, that one stands.
The names are of https://platform.openai.com/docs/api-reference/moderations (2026).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from filters.category import Category
from filters.scorer import Scores

ANY_OF: Mapping[str, tuple[Category, ...]] = {
    "harassment": ("toxicity", "severe_toxicity", "insult"),
    "harassment/threatening": ("threat",),
    "hate": ("identity_attack",),
    "sexual": ("sexual_explicit", "obscene"),
    "violence": ("threat",),
}
"""The highest of these counts. `obscene` is the nearest that detoxify's models of six categories have to `sexual`."""
ALL_OF: Mapping[str, tuple[Category, ...]] = {"hate/threatening": ("identity_attack", "threat")}
"""The lowest of these counts."""
UNTOLD = (
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual/minors",
    "violence/graphic",
)
"""What no scorer that comes along speaks of."""


@dataclass(frozen=True, slots=True)
class Told:
    """One of OpenAI's categories for a text; `applies` is False if nothing is known of it."""

    flagged: bool
    score: float
    applies: bool


def told(scores: Scores, exceeded: Collection[Category]) -> dict[str, Told]:
    """OpenAI's categories by name, but for the scorer's own ones. `exceeded` are the scorer's that are flagged."""
    found = {name: _any(sources, scores, exceeded) for name, sources in ANY_OF.items()}
    found |= {name: _all(sources, scores, exceeded) for name, sources in ALL_OF.items()}
    found |= dict.fromkeys(UNTOLD, _NOTHING)
    return {name: found[name] for name in sorted(found) if name not in scores}


def result(scores: Scores, exceeded: Collection[Category]) -> dict[str, Any]:
    """Return OpenAI's moderation result of a text: the scorer's own categories, and OpenAI's beside them."""
    ours = {name: Told(name in exceeded, score, applies=True) for name, score in scores.items()}
    every = ours | told(scores, exceeded)
    return {
        "flagged": bool(exceeded),
        "categories": {name: each.flagged for name, each in every.items()},
        "category_scores": {name: each.score for name, each in every.items()},
        "category_applied_input_types": {name: ["text"] if each.applies else [] for name, each in every.items()},
    }


_NOTHING = Told(flagged=False, score=0.0, applies=False)


def _any(sources: tuple[Category, ...], scores: Scores, exceeded: Collection[Category]) -> Told:
    known = [name for name in sources if name in scores]
    if not known:
        return _NOTHING
    return Told(any(name in exceeded for name in known), max(scores[name] for name in known), applies=True)


def _all(sources: tuple[Category, ...], scores: Scores, exceeded: Collection[Category]) -> Told:
    if not scores.keys() >= set(sources):
        return _NOTHING
    return Told(all(name in exceeded for name in sources), min(scores[name] for name in sources), applies=True)
