"""What the classifier learns from: a text, a target for each category, and how much each target counts.

A weight of 0 masks a category that the source says nothing about.
"""

import gzip
import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

# detoxify-original's categories, in its order.
CATEGORIES = ("toxicity", "severe_toxicity", "obscene", "threat", "insult", "identity_attack")
_JIGSAW = ("toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate")
# What is not toxic is hardly ever insulting or threatening, but nobody has looked.
_IMPLIED = 0.3


@dataclass(frozen=True, slots=True)
class Example:
    """`targets` in 0..1 and `weights` >= 0 in the order of CATEGORIES; ValueError unless there is one of each."""

    text: str
    targets: tuple[float, ...]
    weights: tuple[float, ...]
    source: str

    def __post_init__(self) -> None:
        if not len(self.targets) == len(self.weights) == len(CATEGORIES):
            raise ValueError(f"expected {len(CATEGORIES)} targets and weights")

    @property
    def toxicity(self) -> float:
        """The target of the first category, which every source has."""
        return self.targets[0]


def all_known(text: str, targets: tuple[float, ...], source: str, weight: float = 1.0) -> Example:
    """Return an example whose six targets are all known."""
    return Example(text, targets, (weight,) * len(CATEGORIES), source)


def only_toxicity(text: str, toxicity: float, source: str, weight: float = 1.0) -> Example:
    """Return an example with only the toxicity known: the rest is masked, or implied to be 0 if it is not toxic."""
    rest = weight * _IMPLIED if toxicity == 0 else 0.0
    return Example(text, (toxicity, *([0.0] * 5)), (weight, *([rest] * 5)), source)


def clean(text: str, source: str, weight: float = 1.0) -> Example:
    """Return an example with nothing toxic in it."""
    return all_known(text, (0.0,) * len(CATEGORIES), source, weight)


def labelled(row: dict[str, Any]) -> Example:
    """Return a row of toxicity_train.jsonl.gz: `text`, `labels` and `source`. KeyError if its labels are not known."""
    text, labels, source = row["text"], row["labels"], row["source"]
    if "toxicity_fraction" in labels:
        return only_toxicity(text, float(labels["toxicity_fraction"]), source)
    if "insult" in labels:
        return all_known(text, tuple(float(labels[name]) for name in _JIGSAW), source)
    return only_toxicity(text, float(labels["toxic"]), source)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a `.jsonl.gz` file."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def draw(text: str, parts: int) -> int:
    """Return a number in 0..parts-1 that depends on the letters of the text alone: equal texts are split alike."""
    return int.from_bytes(sha256(letters(text).encode()).digest()[:8], "big") % parts


def letters(text: str) -> str:
    """Return the text's letters and digits in lower case: what two copies of a text have in common."""
    return "".join(char for char in text.lower() if char.isalnum())
