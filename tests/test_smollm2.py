"""The conversion of a GGUF file, on one that is a thousand times smaller."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gguf import GGUFWriter
from safetensors.torch import load_file
from transformers import AutoTokenizer, LlamaForCausalLM

from server.smollm2 import convert

HIDDEN, HEADS, KEYS, INNER = 16, 4, 2, 24
TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *"abcdefgh", "Ġ", "ab", "Ġab", *"12"]
PERSONA = "{% if loop.first and messages[0]['role'] != 'system' %}You are a ship{% endif %}"
TEMPLATE = f"{{% for message in messages %}}{PERSONA}{{{{ message['content'] }}}}{{% endfor %}}"


def shapes() -> dict[str, tuple[int, ...]]:
    size = HIDDEN // HEADS
    block = {
        "attn_norm": (HIDDEN,),
        "ffn_norm": (HIDDEN,),
        "attn_q": (HIDDEN, HIDDEN),
        "attn_k": (size * KEYS, HIDDEN),
        "attn_v": (size * KEYS, HIDDEN),
        "attn_output": (HIDDEN, HIDDEN),
        "ffn_gate": (INNER, HIDDEN),
        "ffn_up": (INNER, HIDDEN),
        "ffn_down": (HIDDEN, INNER),
    }
    blocks = {f"blk.0.{name}.weight": shape for name, shape in block.items()}
    return {"token_embd.weight": (len(TOKENS), HIDDEN), "output_norm.weight": (HIDDEN,), **blocks}


@pytest.fixture
def weights() -> dict[str, Any]:
    chance = np.random.default_rng(0)
    return {name: chance.normal(size=shape).astype(np.float32) for name, shape in shapes().items()}


@pytest.fixture
def converted(tmp_path: Path, weights: dict[str, Any]) -> Path:
    writer = GGUFWriter(tmp_path / "tiny.gguf", "llama")
    writer.add_context_length(64)
    writer.add_embedding_length(HIDDEN)
    writer.add_block_count(1)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEYS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10_000.0)
    writer.add_token_list(TOKENS)
    writer.add_token_types([3, 3, 3] + [1] * (len(TOKENS) - 3))
    writer.add_token_merges(["a b", "Ġ ab"])
    writer.add_chat_template(TEMPLATE)
    for name, values in weights.items():
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    shares: list[float] = []
    convert(tmp_path / "tiny.gguf", tmp_path / "out", shares.append)
    assert shares == sorted(shares) and len(shares) == len(weights) and shares[-1] == 1.0
    return tmp_path / "out"


def test_a_model_can_be_made_of_it(converted: Path) -> None:
    model = LlamaForCausalLM.from_pretrained(converted)
    logits = model(input_ids=torch.tensor([[1, 3, 4]])).logits
    assert logits.shape == (1, 3, len(TOKENS)) and torch.isfinite(logits).all()
    assert model.config.tie_word_embeddings and model.config.max_position_embeddings == 64


def test_weights_are_rounded_to_bfloat16_and_named_anew(converted: Path, weights: dict[str, Any]) -> None:
    state = load_file(converted / "model.safetensors")
    gate = torch.from_numpy(weights["blk.0.ffn_gate.weight"]).to(torch.bfloat16)
    assert torch.equal(state["model.layers.0.mlp.gate_proj.weight"], gate)
    assert set(map(str, {values.dtype for values in state.values()})) == {"torch.bfloat16"}


def test_the_halves_of_rotary_pairs_stand_together_again(converted: Path, weights: dict[str, Any]) -> None:
    made = load_file(converted / "model.safetensors")["model.layers.0.self_attn.k_proj.weight"].float().numpy()
    size = HIDDEN // HEADS
    head, source = made[:size], weights["blk.0.attn_k.weight"][:size]
    assert np.allclose(head, np.concatenate([source[0::2], source[1::2]]), atol=0.02)


def test_the_tokenizer_reads_as_the_file_says_and_the_persona_is_gone(converted: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(converted)
    assert tokenizer.encode("ab ab12") == [TOKENS.index(token) for token in ("ab", "Ġab", "1", "2")]
    assert (tokenizer.bos_token, tokenizer.eos_token) == ("<|im_start|>", "<|im_end|>")
    assert tokenizer.apply_chat_template([{"role": "user", "content": "ab"}], tokenize=False) == "ab"
    assert json.loads((converted / "generation_config.json").read_text())["eos_token_id"] == [2, 0]
