"""What was learned, kept in a folder: versions that never change, and a state that says which of them is in force.

  DIR/versions/NNNN-HASH/   heads.safetensors, version.json (what it was made from, with hashes), README.md (its card)
  DIR/state.json            current, before (for one step back), candidate and its share of the traffic (state.py)
  DIR/shadow/NAME/PID.json  what servers have seen of a candidate

Nothing is unpickled, no text is kept. What does not fit is a ScorerLoadError of one line.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from filters.category import Category
from filters.scorer import ScorerLoadError
from filters.scorers.checkpoint import sha256
from filters.scorers.heads import EMBEDDING, Heads

HEADS, ABOUT, CARD = "heads.safetensors", "version.json", "README.md"
_TENSORS = ("own", "own_bias", "corrections", "correction_bias", "quiet")


def place(folder: Path, name: str) -> Path:
    """Return the folder of a version. ScorerLoadError if there is none of this name."""
    path = folder / "versions" / name
    if Path(name).name != name or not (path / ABOUT).is_file():
        known = ", ".join(names(folder)) or "none"
        raise ScorerLoadError(str(path), f"expected the name of a version; there are: {known}")
    return path


def names(folder: Path) -> list[str]:
    """Return the names of all versions, the oldest first."""
    return sorted(path.parent.name for path in (folder / "versions").glob(f"*/{ABOUT}"))


def about(folder: Path, name: str) -> Mapping[str, Any]:
    """Return what is noted of a version."""
    path = place(folder, name) / ABOUT
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return {**said}
    except (OSError, TypeError, ValueError) as error:
        raise ScorerLoadError(str(path), f"expected a JSON object ({type(error).__name__})") from None


def load(folder: Path, name: str, checksum: str, own: Sequence[Category]) -> Heads:
    """Return the heads of a version for the classifier of this checksum, with these categories of its own."""
    from safetensors.torch import load_file

    said, path = about(folder, name), place(folder, name) / HEADS
    if said.get("classifier_sha256") != checksum or said.get("embedding") != EMBEDDING:
        remedy = "learn again with this one, or start the server without --learned"
        raise ScorerLoadError(str(path), f"was learned beside another classifier; {remedy}")
    try:
        digest = sha256(path)
        if digest != said["heads_sha256"]:
            raise ValueError("its sha256")
        found = load_file(path)
        categories = tuple(map(str, said["categories"]))
        every = (*own, *categories)
        of = tuple(every.index(each) for each in said["corrects"])
        heads = Heads(name, categories, **{each: found[each] for each in _TENSORS}, of=of)
        _check(heads)
    except Exception as error:
        raise ScorerLoadError(str(path), f"expected heads that fit {ABOUT} ({type(error).__name__})") from None
    return heads


def _check(heads: Heads) -> None:
    width = heads.own.shape[1]
    counts = (len(heads.categories), len(heads.of))
    sound = heads.own.shape == (counts[0], width) and heads.corrections.shape == (counts[1], width)
    sound = sound and heads.own_bias.shape == counts[:1]
    sound = sound and heads.correction_bias.shape == heads.quiet.shape == counts[1:]
    if not sound or not all(bool(each.isfinite().all()) for each in (heads.own, heads.corrections, heads.quiet)):
        raise ValueError("their shapes")


def save(folder: Path, heads: Heads, own: Sequence[Category], said: Mapping[str, Any], card: str) -> str:
    """Write a version and return its name: a number, and the beginning of a hash of what it is and was made from."""
    from safetensors.torch import save as packed

    every = (*own, *heads.categories)
    data = packed({name: getattr(heads, name).contiguous() for name in _TENSORS})
    noted = {
        **said,
        "embedding": EMBEDDING,
        "heads_sha256": hashlib.sha256(data).hexdigest(),
        "categories": list(heads.categories),
        "corrects": [every[index] for index in heads.of],
    }
    number = 1 + max((int(name.split("-")[0]) for name in names(folder)), default=0)
    digest = hashlib.sha256(json.dumps(noted, sort_keys=True).encode()).hexdigest()
    name = f"{number:04d}-{digest[:8]}"
    path = folder / "versions" / name
    path.mkdir(parents=True)
    (path / HEADS).write_bytes(data)
    (path / CARD).write_text(card.replace("{name}", name), encoding="utf-8")
    (path / ABOUT).write_text(json.dumps(noted, indent=2) + "\n", encoding="utf-8")
    return name
