"""A classifier's scores of many texts, each computed once: earlier scores are kept in a file."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from filters.scorers.checkpoint import sha256
from filters.scorers.detoxify import DetoxifyScorer
from training.console import say

_AT_ONCE = 64
_SAID_EVERY, _KEPT_EVERY = 100, 1_000  # batches

Table = NDArray[np.float32]


class Teacher:
    """Scores texts with the classifier in `folder`; `cache` holds files by the classifier's sha256."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self._scorer = DetoxifyScorer.load(str(folder))
        self.categories = self._scorer.categories
        self.digest = sha256(next(folder.glob("*.ckpt")))
        cache.mkdir(parents=True, exist_ok=True)
        self._path = cache / f"scores-{self.digest[:16]}.npz"
        self._known: dict[bytes, list[float]] = {}
        if self._path.is_file():
            kept = np.load(self._path)
            self._known = {key.tobytes(): row for key, row in zip(kept["keys"], kept["scores"].tolist(), strict=True)}

    def scores(self, texts: Sequence[str], *, exact: bool) -> Table:
        """Return (texts, categories). Unless `exact`, new ones may be computed by the rough pass."""
        missing = sorted({text for text in texts if _key(text) not in self._known}, key=len)
        for number, at in enumerate(range(0, len(missing), _AT_ONCE)):
            batch = missing[at : at + _AT_ONCE]
            rows = self._scorer.score(batch) if exact else self._scorer.estimates(batch)
            self._known |= {_key(text): list(row.values()) for text, row in zip(batch, rows, strict=True)}
            if number % _SAID_EVERY == _SAID_EVERY - 1:
                say(f"scored {at + len(batch):,} of {len(missing):,}")
            if number % _KEPT_EVERY == _KEPT_EVERY - 1:
                self._keep()
        if missing:
            self._keep()
        return np.array([self._known[_key(text)] for text in texts], np.float32)

    def _keep(self) -> None:
        keys = np.frombuffer(b"".join(self._known), np.uint8).reshape(-1, 16)
        partial = self._path.with_suffix(".partial.npz")
        np.savez(partial, keys=keys, scores=np.array(list(self._known.values()), np.float32))
        partial.replace(self._path)


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]
