"""A small model distilled from a classifier, which clears in microseconds what the classifier would surely clear.

All it says of a text is an upper bound of the classifier's scores, and only when it can. A bound is one of a few
calibrated `points`: of the passages that the classifier gives more than the point, at most a known share (`miss_rate`)
had an estimate below the point's cut, and below the cut the point is the bound. So one screen serves any threshold.

Tokens are sums of hashed rows (grams.py), seen with their two neighbours, those again with theirs, and the passage is
what a last layer makes of the highest and the mean of what they say (convolutions with pooling: Kim 2014, fastText's
rows: Bojanowski et al. 2017). Tokens of all texts stand one after another, without padding.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from filters.category import Category
from filters.languages import find
from filters.scorer import ScorerLoadError, Scores, ThresholdValues, is_below
from filters.scorers.checkpoint import verify_sums
from filters.scorers.grams import Grams, grams, readable

if TYPE_CHECKING:
    import torch

    Weights = Mapping[str, torch.Tensor]

WEIGHTS, CARD = "screen.safetensors", "screen.json"
TABLES = ("stretches", "words")  # kept as int8, with a scale for each column under NAME.scale
LAYERS = ("near", "around", "inner", "out")  # each a matrix (inputs, outputs) and a NAME.bias
_SHAPES = f"expected the tensors of a screen, that fit together: {', '.join(TABLES + LAYERS)}, with scales and biases"
_MEAN_OVER = 4.0  # tokens added to a passage's number: a single word does not weigh as much as many


@dataclass(frozen=True, slots=True)
class Calibration:
    """`points` ascend within 0..1; `cuts` (1 + categories, points) hold estimates, those of the highest score first."""

    categories: tuple[Category, ...]
    points: tuple[float, ...]
    cuts: NDArray[np.float32]
    miss_rate: float

    def bounds(self, estimates: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return an upper bound for each passage and category, 2.0 for none, from estimates (passages, 1 + categories).

        No category's bound is above that of the highest score.
        """
        points = np.array([*self.points, 2.0])
        pairs = zip(self.cuts, estimates.T, strict=True)
        columns = [points[np.searchsorted(cut, estimate, side="right")] for cut, estimate in pairs]
        found: NDArray[np.float64] = np.minimum(np.stack(columns[1:], axis=1), columns[0][:, None])
        return found


class Screen:
    """Clears passages whose bounds are below a threshold. The same text has the same bounds in any batch.

    `teacher` is the sha256 of the checkpoint that it bounds: it says nothing of any other's scores. It clears only what
    is surely in one of `languages`, in which it was calibrated (None: whatever the language): words that it never met
    speak for nothing.
    """

    def __init__(
        self,
        weights: Weights,
        calibration: Calibration,
        name: str,
        teacher: str = "",
        languages: frozenset[str] | None = None,
    ) -> None:
        self.name = name
        self.teacher = teacher
        self.categories = calibration.categories
        self.calibration = calibration
        self.weights = weights
        self.languages = languages

    @classmethod
    def load(cls, folder: Path) -> Screen:
        """Load screen.safetensors and screen.json. ScorerLoadError unless SHA256SUMS agrees and they fit together."""
        from safetensors.torch import load_file

        verify_sums(folder / WEIGHTS, required=True)
        try:
            weights = unpacked(load_file(folder / WEIGHTS))
            card = json.loads((folder / CARD).read_text(encoding="utf-8"))
            teacher = str(card["classifier_sha256"])
            languages = frozenset(map(str, card["languages"])) if "languages" in card else None
            screen = cls(weights, read_calibration(card), f"screen:{folder.resolve().name}", teacher, languages)
            screen.estimates(["A first text."])
        except Exception as error:
            raise ScorerLoadError(str(folder), f"{_SHAPES} ({type(error).__name__})") from error
        return screen

    def clear(self, texts: Sequence[str], thresholds: Sequence[ThresholdValues]) -> list[Scores | None]:
        """Return upper bounds for each text, in order, all below its `thresholds`; None if a classifier must look.

        None too for every text that cannot be read here (grams.py). ValueError unless each text has `thresholds`.
        """
        kept = [index for index, text in enumerate(texts) if readable(text)]
        cleared: list[Scores | None] = [None] * len(texts)
        if len(thresholds) != len(texts):
            raise ValueError(f"expected {len(texts)} thresholds, got {len(thresholds)}")
        if kept:
            bounds = self.calibration.bounds(self.estimates([texts[index] for index in kept]))
            for index, row in zip(kept, bounds.tolist(), strict=True):
                bound = dict(zip(self.categories, row, strict=True))
                if is_below(bound, thresholds[index]) and self._knows(texts[index]):
                    cleared[index] = bound
        return cleared

    def _knows(self, text: str) -> bool:
        """Return whether the text is surely in a language that it was calibrated in. Asked of what it would clear."""
        return self.languages is None or find(text).language in self.languages

    def ready(self) -> bool:
        """Return True: it is loaded before it exists."""
        return True

    def estimates(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return log odds (texts, 1 + categories), the highest score's first; infinite if a text may be disguised."""
        import torch

        rows = hashed(self.weights, texts)
        with torch.inference_mode():
            found: NDArray[np.float32] = forward(self.weights, rows).numpy()
        found[rows.disguised] = np.inf
        return found


def hashed(weights: Weights, texts: Sequence[str]) -> Grams:
    """Return the rows of readable texts in the tables of these weights."""
    bits = [len(weights[table]).bit_length() - 1 for table in TABLES]
    return grams(texts, bits[0], bits[1])


def forward(weights: Weights, rows: Grams) -> torch.Tensor:
    """Return log odds (texts, 1 + categories) as the weights have them, differentiable by the weights."""
    import torch
    from torch.nn.functional import embedding_bag, relu

    starts = torch.from_numpy(rows.tokens) * rows.stretches.shape[1]
    tokens = embedding_bag(torch.from_numpy(rows.stretches).reshape(-1), weights["stretches"], starts, mode="sum")
    tokens = tokens + embedding_bag(torch.from_numpy(rows.words), weights["words"], mode="sum")
    begins, lengths = _laid_out(rows)
    near = relu(_affine(weights, "near", _with_neighbours(tokens, begins)))
    seen = near + relu(_affine(weights, "around", _with_neighbours(near, begins)))
    mean = torch.segment_reduce(seen, "sum", lengths=lengths) / (lengths[:, None] + _MEAN_OVER)
    passages = torch.cat([torch.segment_reduce(seen, "max", lengths=lengths), mean], dim=1)
    return _affine(weights, "out", relu(_affine(weights, "inner", passages)))


def _affine(weights: Weights, name: str, inputs: torch.Tensor) -> torch.Tensor:
    import torch

    return torch.addmm(weights[f"{name}.bias"], inputs, weights[name])


def _with_neighbours(tokens: torch.Tensor, begins: torch.Tensor) -> torch.Tensor:
    """Return (tokens, 3 * width): the token before, itself, the one after. Those of another text are zeros."""
    import torch
    from torch.nn.functional import pad

    before = pad(tokens[:-1], (0, 0, 1, 0)).masked_fill(begins[:-1, None], 0.0)
    after = pad(tokens[1:], (0, 0, 0, 1)).masked_fill(begins[1:, None], 0.0)
    return torch.cat([before, tokens, after], dim=1)


def _laid_out(rows: Grams) -> tuple[torch.Tensor, torch.Tensor]:
    """Return which tokens begin a text, and so does one after the last; and how many each text has."""
    import torch

    count = len(rows.tokens)
    begins = np.zeros(count + 1, np.bool_)
    begins[rows.texts] = begins[count] = True
    lengths = np.diff(rows.texts, append=count).astype(np.int64)
    return torch.from_numpy(begins), torch.from_numpy(lengths)


def packed(weights: Weights) -> dict[str, torch.Tensor]:
    """Return the weights as they are kept: tables in int8."""
    import torch

    kept = {name: weights[name].detach().contiguous() for name in weights if name not in TABLES}
    for name in TABLES:
        scale = weights[name].detach().abs().amax(dim=0).clamp(min=1e-9) / 127
        kept[name] = (weights[name].detach() / scale).round().to(torch.int8)
        kept[f"{name}.scale"] = scale
    return kept


def unpacked(kept: Weights) -> dict[str, torch.Tensor]:
    """Return the weights to compute with. KeyError if a table or its scale is missing."""
    scales = {f"{name}.scale" for name in TABLES}
    weights = {name: tensor for name, tensor in kept.items() if name not in scales}
    for name in TABLES:
        weights[name] = kept[name].float() * kept[f"{name}.scale"]
    return weights


def read_calibration(card: Mapping[str, Any]) -> Calibration:
    """Return the calibration in a screen's card. KeyError, TypeError or ValueError if it is not sound."""
    categories, points = tuple(map(str, card["categories"])), tuple(map(float, card["points"]))
    cuts = np.array([card["cuts"][name] for name in ("highest", *categories)], np.float32)
    is_sound = cuts.shape == (1 + len(categories), len(points)) and bool((np.diff(cuts) >= 0).all())
    if not is_sound or list(points) != sorted(points) or not all(0 < point < 1 for point in points):
        raise ValueError("expected ascending points within 0..1 and ascending cuts for each")
    return Calibration(categories, points, cuts, float(card["miss_rate"]))
