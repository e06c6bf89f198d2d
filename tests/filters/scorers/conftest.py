"""A tiny real classifier, so that loading and reading can be tried often: random weights, a reach of 24 tokens."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification

CLASSES = ["toxic", "insult", "threat"]
POSITIONS = 24
Change = Callable[[dict[str, Any]], object]


def tiny_contents() -> dict[str, Any]:
    """The contents of the tiny checkpoint: three named classes of four outputs, half precision, no real model_type."""
    torch.manual_seed(0)
    model = BertForSequenceClassification(_tiny_config())
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() == 2:
                weight.normal_()  # far from 0, so that texts differ
    args = {
        "model_type": "not/a/folder",
        "model_name": "BertForSequenceClassification",
        "tokenizer_name": "PreTrainedTokenizerFast",
        "num_classes": 4,
    }
    config = {"dataset": {"args": {"classes": list(CLASSES)}}, "arch": {"args": args}}
    return {"config": config, "state_dict": {name: value.half() for name, value in model.state_dict().items()}}


def _tiny_config() -> Any:
    return BertConfig(
        vocab_size=32_000,
        hidden_size=8,
        intermediate_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        max_position_embeddings=POSITIONS,
        num_labels=4,
    )


def write_tiny(parent: Path, tokenizer: Path, change: Change | None = None) -> Path:
    """A folder with the tiny checkpoint, its config and a tokenizer; `change` may break the contents first."""
    folder = parent / "tiny"
    folder.mkdir()
    contents = tiny_contents()
    if change:
        change(contents)
    torch.save(contents, folder / "model.ckpt")
    (folder / "config.json").write_text(json.dumps(_tiny_config().to_dict()))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tokenizer / name, folder)
    return folder


@pytest.fixture
def tiny_folder(tmp_path: Path, bundled_classifier: Path) -> Callable[..., Path]:
    """Writes the folder of the tiny classifier, broken by `change` if one is given."""
    return lambda change=None: write_tiny(tmp_path, bundled_classifier, change)
