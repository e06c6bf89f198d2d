"""Packs a trained classifier so that .5 means the same in every category: `python -m training.calibrate SOURCE OUT`.

The threshold of each category is found as by training.thresholds (the lowest that at most 0.3% of clean held-out spans
of 16 tokens reach), and the category's bias is moved by its log odds, which makes it .5. The order of scores within a
category stays as it is. So .5 means the same in every category, and any two policies can be compared.

SOURCE is what training.classifier wrote. (Moving the bias alone: temperature scaling's simpler half; J. Platt, 1999.)
"""

import argparse
import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from safetensors.torch import load_file, save_file

from training import thresholds
from training.console import say
from training.examples import CATEGORIES
from training.pack_classifier import pack
from training.setting import DATA

_MIDDLE = 0.5  # the score that a threshold is moved to
_HIGHEST = 0.99  # that a score is moved down from, even if more of the clean spans reach it
_WEIGHTS, _BIAS = "model.safetensors", "classifier.bias"


def shift(source: Path, out: Path, chosen: Sequence[float]) -> Path:
    """Copy a classifier to `out`, with each category's score of `chosen`, in 0..1, made .5; return `out`."""
    shutil.copytree(source, out, dirs_exist_ok=True, ignore=shutil.ignore_patterns("encoder"))
    weights = load_file(source / _WEIGHTS)
    odds = [math.log(score / (1 - score)) for score in chosen]
    moved = weights[_BIAS].float() - torch.tensor(odds)
    weights[_BIAS] = moved.to(weights[_BIAS].dtype)
    save_file(weights, out / _WEIGHTS, metadata={"format": "pt"})
    return out


def calibrate(source: Path, out: Path, data: Path, rate: float) -> str:
    """Pack `source` into `out` with its biases moved; return the table of the thresholds that became .5."""
    with TemporaryDirectory(prefix="unsay-") as private:
        as_it_is = Path(private) / "packed"
        pack(source, as_it_is)
        choices = thresholds.measure(as_it_is, data, rate).choices
        chosen = {choice.category: choice.threshold for choice in choices}
        pack(
            shift(source, Path(private) / "moved", [min(chosen[name] or _MIDDLE, _HIGHEST) for name in CATEGORIES]),
            out,
        )
    return thresholds.table(choices)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="folder that training.classifier wrote")
    parser.add_argument("out", type=Path, help="folder to write, such as models/classifier")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with the labelled texts")
    parser.add_argument(
        "--rate", type=float, default=thresholds.RATE, help="of clean spans that reach .5 (default: 0.003)"
    )
    args = parser.parse_args()
    say(calibrate(args.source, args.out, args.data, args.rate))


if __name__ == "__main__":
    main()
