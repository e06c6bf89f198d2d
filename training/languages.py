"""Labelled texts in other languages than English, and English ones that imply what they do not say.

Held out, and never learnt from: every tenth text by its letters. Templates are capped, since a model learns their form.
Labels say toxic or not; MLMA's are noisy and count for less.
"""

import random
from typing import Any

from training.examples import Example, draw, only_toxicity

_CAPS = {"cold": 5_000, "told-br": 5_000, "germeval2018": 4_000, "mlma": 3_000, "templates": 2_000}
_WEIGHTS = {"mlma": 0.5, "templates": 0.8}
HELD_OUT_PARTS = 10


def divided(rows: list[dict[str, Any]], rng: random.Random) -> tuple[list[Example], dict[str, list[Example]]]:
    """Return what is learnt from and what is held out, by `source/language`, of rows with text, toxic, lang, source."""
    learnt: dict[str, list[Example]] = {}
    held_out: dict[str, list[Example]] = {}
    for row in rows:
        source, into = row["source"], held_out if draw(row["text"], HELD_OUT_PARTS) == 0 else learnt
        name = f"{source}/{row['lang']}" if into is held_out else source
        example = only_toxicity(row["text"], float(row["toxic"]), source, _WEIGHTS.get(source, 1.0))
        into.setdefault(name, []).append(example)
    return [example for source, own in learnt.items() for example in _capped(source, own, rng)], held_out


def _capped(source: str, examples: list[Example], rng: random.Random) -> list[Example]:
    return rng.sample(examples, min(len(examples), _CAPS.get(source, len(examples))))
