"""What was written so far, batch by batch in files, so that a fit that was stopped goes on where it was.

Files are safetensors; a batch is written beside its place and renamed, so it is there whole or not at all.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from probing.writing import Written


class Journal:
    """Batches of one run in a folder, which is made."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    def remove(self) -> None:
        """Remove what was written: the fit is done."""
        for path in self._folder.glob("batch-*"):
            path.unlink()

    def batch(self, number: int, make: Callable[[], Iterable[Written]]) -> list[Written]:
        """Return a batch, made unless it is there."""
        path = self._folder / f"batch-{number:05}.safetensors"
        try:
            return _unpacked(load_file(path))
        except (OSError, SafetensorError, KeyError):
            made = list(make())
        partial = path.with_suffix(".partial")
        save_file(_packed(made), partial)
        partial.rename(path)
        return made


def _packed(batch: Sequence[Written]) -> dict[str, torch.Tensor]:
    tokens = [token for written in batch for token in written.tokens]
    return {
        "tokens": torch.tensor(tokens, dtype=torch.int32),
        "lengths": torch.tensor([len(written.tokens) for written in batch], dtype=torch.int32),
        "states": torch.cat([written.states for written in batch]),
    }


def _unpacked(tensors: dict[str, torch.Tensor]) -> list[Written]:
    lengths = tensors["lengths"].tolist()
    tokens, states = torch.split(tensors["tokens"], lengths), torch.split(tensors["states"], lengths)
    return [Written(own.tolist(), seen) for own, seen in zip(tokens, states, strict=True)]
