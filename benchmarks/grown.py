"""The bundled model grown to the size of a small real one: it writes the same text, at many times the cost.

A model with random weights would write noise, which no screen clears as it clears text. So the bundled model's weights
fill a corner of larger ones, and what surrounds them is random where that changes nothing: no added head, unit or layer
writes into the residual stream, whose added dimensions stay 0. RMS normalisation, which divides by the number of
dimensions, is set right by its weights and its epsilon. Every product is computed all the same.
"""

import json
import math
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

_TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json")
_LAYER = "model.layers."


@dataclass(frozen=True, slots=True)
class Size:
    """Of a Llama: dimensions of the residual stream, units of a feed-forward layer, layers."""

    hidden: int = 1024
    units: int = 4096
    layers: int = 20


def grow(source: Path, target: Path, size: Size | None = None) -> int:
    """Write the model of the folder `source`, a Llama with tied embeddings, grown to `size`, into the folder `target`.

    Returns its number of parameters.
    """
    size = size or Size()
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    weights = _weights(load_file(source / "model.safetensors"), config, size)
    save_file(weights, target / "model.safetensors", {"format": "pt"})
    (target / "config.json").write_text(json.dumps(_config(config, size)), encoding="utf-8")
    for name in _TOKENIZER:
        if (source / name).exists():
            shutil.copy(source / name, target / name)
    return sum(weight.numel() for weight in weights.values())


def _config(config: dict[str, Any], size: Size) -> dict[str, Any]:
    heads = size.hidden // config["head_dim"]
    return config | {
        "hidden_size": size.hidden,
        "intermediate_size": size.units,
        "num_hidden_layers": size.layers,
        "num_attention_heads": heads,
        "num_key_value_heads": heads,
        "rms_norm_eps": config["rms_norm_eps"] * config["hidden_size"] / size.hidden,
    }


def _weights(small: dict[str, torch.Tensor], config: dict[str, Any], size: Size) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    norm = math.sqrt(config["hidden_size"] / size.hidden)
    found = {name: _grown(name, weight, size, norm) for name, weight in small.items()}
    first = {
        name.removeprefix(f"{_LAYER}0."): weight for name, weight in found.items() if name.startswith(f"{_LAYER}0.")
    }
    for layer in range(config["num_hidden_layers"], size.layers):
        found |= {f"{_LAYER}{layer}.{name}": _idle(name, weight) for name, weight in first.items()}
    return found


def _grown(name: str, weight: torch.Tensor, size: Size, norm: float) -> torch.Tensor:
    """Return the weight in the corner of a larger one."""
    if "norm" in name:
        return torch.cat([weight * norm, torch.ones(size.hidden - len(weight), dtype=weight.dtype)])
    grown = torch.zeros(_shape(name, weight, size), dtype=weight.dtype)
    if not _writes(name) and "embed" not in name:
        grown.normal_(std=0.02)
    grown[: weight.shape[0], : weight.shape[1]] = weight
    return grown


def _shape(name: str, weight: torch.Tensor, size: Size) -> tuple[int, int]:
    if "embed" in name:
        return weight.shape[0], size.hidden
    rows = size.units if "gate_proj" in name or "up_proj" in name else size.hidden
    return rows, size.units if "down_proj" in name else size.hidden


def _idle(name: str, weight: torch.Tensor) -> torch.Tensor:
    """Return a weight of an added layer."""
    return torch.zeros_like(weight) if _writes(name) else torch.randn_like(weight) * 0.02


def _writes(name: str) -> bool:
    """Return whether it writes into the residual stream."""
    return "o_proj" in name or "down_proj" in name
