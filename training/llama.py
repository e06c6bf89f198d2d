"""The language model itself: its shape, how it is made, its losses, and the folder that vLLM serves."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn.functional import cross_entropy

from training import corpus, tokenizer
from training.windows import in_order

CONTEXT = 1024  # tokens, what the model can read


@dataclass(frozen=True, slots=True)
class Shape:
    """How large the model is, and how many tokens it learns from at once: `batch` a step, `micro` a pass."""

    layers: int
    width: int
    inner: int
    vocabulary: int
    window: int
    batch: int
    micro: int
    rate: float


SMALL = Shape(4, 256, 704, 6_144, 256, 8_192, 2_048, 8e-3)
LARGE = Shape(8, 512, 1_408, 8_192, 1_024, 131_072, 65_536, 4e-3)


def build(shape: Shape) -> Any:
    """Return a LlamaForCausalLM of this shape with fresh weights, which follow torch's seed."""
    from transformers import LlamaConfig, LlamaForCausalLM

    heads = shape.width // 64
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=shape.vocabulary,
            hidden_size=shape.width,
            intermediate_size=shape.inner,
            num_hidden_layers=shape.layers,
            num_attention_heads=heads,
            num_key_value_heads=heads,
            max_position_embeddings=CONTEXT,
            tie_word_embeddings=True,
            bos_token_id=tokenizer.END_ID,
            eos_token_id=tokenizer.END_ID,
        )
    )


def loss_of(model: Any, ids: Tensor) -> Tensor:
    """Return the mean cross-entropy (nats) of each token but the first, given those before; `ids` (windows, tokens)."""
    logits = model(input_ids=ids[:, :-1]).logits
    return cross_entropy(logits.flatten(0, 1).float(), ids[:, 1:].flatten())


def perplexity(model: Any, tokens: corpus.Tokens, device: str, limit: int) -> float:
    """Return the perplexity of up to `limit` tokens, each read with up to 511 before it; nan for fewer than 512."""
    with torch.inference_mode(), torch.autocast(device, torch.bfloat16):
        losses = [float(loss_of(model, ids.to(device))) for ids in in_order(tokens, 512, limit)]
    return math.exp(sum(losses) / len(losses)) if losses else math.nan


def save(model: Any, made: Tokenizer, folder: Path) -> None:
    """Write the weights in bf16, the tokenizer and the chat template: what vLLM serves."""
    tied = {"lm_head.weight"}  # the embeddings, once more
    weights = {name: w.to(torch.bfloat16) for name, w in model.state_dict().items() if name not in tied}
    model.save_pretrained(folder, state_dict=weights)
    tokenizer.save(made, folder, CONTEXT)
    text = (folder / "config.json").read_text().replace('"float32"', '"bfloat16"')
    (folder / "config.json").write_text(text)
