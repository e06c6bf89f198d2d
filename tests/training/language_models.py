"""An untrained language model in the shape of the bundled one, and far smaller."""

from pathlib import Path

import torch

from training import tokenizer
from training.llama import CONTEXT, Shape, build, save

SHAPE = Shape(layers=1, width=64, inner=64, vocabulary=300, window=64, batch=64, micro=64, rate=1e-3)


def write_language_model(folder: Path) -> Path:
    """Writes it into `folder`, with a tokenizer of little more than the bytes, and returns the folder."""
    torch.manual_seed(0)
    made = tokenizer.learn(["the women read every day"] * 4, SHAPE.vocabulary)
    tokenizer.save(made, folder, CONTEXT)
    save(build(SHAPE), made, folder)
    return folder
