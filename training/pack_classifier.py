"""Packs a classifier in Hugging Face's format into one that detoxify loads: `pack_classifier.py SOURCE_DIR OUT_DIR`.

Reads config.json, model.safetensors, tokenizer.json and tokenizer_config.json. Writes detoxify.ckpt (the weights as
they are, with the structure that `Detoxify(checkpoint=...)` expects; plain tensors and text, so that it can be read
without running code), config.json, the tokenizer, and SHA256SUMS. The same source gives the same bytes.
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from filters.scorers.checkpoint import write_sums

# detoxify looks this up from where it is run: the packed model is found from the project's root.
MODEL_TYPE = "models/classifier"
FILES = ("config.json", "detoxify.ckpt", "tokenizer.json", "tokenizer_config.json")
_TOKENIZER_KEYS = (
    "bos_token cls_token do_lower_case eos_token mask_token model_max_length pad_token sep_token strip_accents "
    "tokenize_chinese_chars tokenizer_class unk_token"
).split()


def checkpoint(config: dict[str, Any], tokenizer_name: str, weights: dict[str, torch.Tensor]) -> dict[str, Any]:
    """Return the contents of detoxify's checkpoint file."""
    labels = config["id2label"]
    classes = [labels[str(index)] for index in range(len(labels))]
    arch = {
        "model_type": MODEL_TYPE,
        "model_name": config["architectures"][0],
        "tokenizer_name": tokenizer_name,
        "num_classes": len(classes),
    }
    state_dict = {name: weights[name].contiguous() for name in sorted(weights)}
    return {"config": {"dataset": {"args": {"classes": classes}}, "arch": {"args": arch}}, "state_dict": state_dict}


def pack(source: Path, out: Path) -> None:
    """Write the packed classifier into `out`, which is made if need be. OSError, KeyError if the source is not one."""
    config = json.loads((source / "config.json").read_text())
    tokenizer_config = json.loads((source / "tokenizer_config.json").read_text())
    out.mkdir(parents=True, exist_ok=True)
    # Half precision is only how the weights are kept: it is too slow and too coarse to compute with on a CPU.
    _write_json(out / "config.json", {**config, "dtype": "float32"}, indent=2)
    _write_json(
        out / "tokenizer_config.json",
        {key: tokenizer_config[key] for key in _TOKENIZER_KEYS if key in tokenizer_config},
        indent=2,
    )
    # Truncation and padding of the training run would otherwise still apply to anyone who counts tokens with this file.
    tokenizer = json.loads((source / "tokenizer.json").read_text())
    _write_json(out / "tokenizer.json", {**tokenizer, "truncation": None, "padding": None}, indent=None)
    weights = load_file(source / "model.safetensors")
    torch.save(checkpoint(config, tokenizer_config["tokenizer_class"], weights), out / "detoxify.ckpt")
    write_sums(out, FILES)


def _write_json(path: Path, value: dict[str, Any], indent: int | None) -> None:
    path.write_text(json.dumps(value, indent=indent, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> None:
    """Run the command line."""
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    pack(Path(sys.argv[1]), Path(sys.argv[2]))


if __name__ == "__main__":
    main()
