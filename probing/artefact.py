"""A probe as it is kept: weights in safetensors, a card in JSON, a page about it, and checksums over the first two."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from filters.scorers.checkpoint import write_sums
from probing.fitting import PUSH, Fitted
from server.probes import CARD, WEIGHTS

_PAGE = """\
---
license: apache-2.0
---
# Probe of {model}

Linear heads on the last hidden states of {model}, which say of each window what the gate would say of it;
docs/probe.md tells how it is used. It is for the model and the classifier whose digests are in `{card}`, and is
refused for any other. It was fitted to what that classifier says of {texts:,} texts ({windows:,} windows, {flagged:,}
of them flagged), not to what people say.

    {command}

made all of it, this page included. Weights are kept in safetensors, and nothing is unpickled.

## How good it is

{report}
"""


def write(folder: Path, fitted: Fitted, made_from: Mapping[str, object], report: str) -> None:
    """Write the folder of a probe."""
    folder.mkdir(parents=True, exist_ok=True)
    every, width = (fitted.heads, fitted.forecast), len(fitted.away)
    rows = np.concatenate([heads.weights for heads in every])
    tensors = {
        "rows": torch.from_numpy(rows.reshape(-1, 2, width).swapaxes(0, 1).reshape(-1, width).copy()),
        "away": torch.from_numpy(fitted.away),
        "level": torch.tensor(fitted.level),
        "push": torch.tensor(PUSH),
    }
    save_file(tensors, folder / WEIGHTS)
    (folder / WEIGHTS).chmod(0o644)
    names = ("highest", *fitted.calibration.categories)
    cuts = zip(names, fitted.calibration.cuts, strict=True)
    card = {
        "categories": fitted.calibration.categories,
        "points": fitted.calibration.points,
        "cuts": {name: [round(float(cut), 4) for cut in row] for name, row in cuts},
        "miss_rate": fitted.calibration.miss_rate,
        "biases": [float(bias) for heads in every for bias in heads.biases],
        "alarm": fitted.alarm,
        "penalty": fitted.penalty,
        **made_from,
    }
    (folder / CARD).write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    page = _PAGE.format(card=CARD, report=report, **made_from)
    (folder / "README.md").write_text(page, encoding="utf-8")
    write_sums(folder, (CARD, WEIGHTS))
