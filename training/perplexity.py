"""How well the language model predicts texts of each source that it did not learn from."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer

from reporting.markdown import table
from training import corpus, llama
from training.setting import Setting


@dataclass(frozen=True, slots=True)
class Foretold:
    """Of one source: tokens measured, perplexity per token, and bits per character, whatever the tokenizer."""

    source: str
    tokens: int
    perplexity: float
    bits: float


def measure(folder: Path, data: Path, limit: int) -> Iterator[Foretold]:
    """Yield each source's, on up to `limit` of its held-out tokens, each read with up to 511 before it. OSError."""
    model = load(folder)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    for name, tokens, characters in corpus.held_out(data, tokenizer):
        value = llama.perplexity(model, tokens, "cpu", limit)
        yield Foretold(name, min(limit, tokens.size), value, bits(value, tokens.size, characters))


def bits(perplexity: float, tokens: int, characters: int) -> float:
    """Return bits per character at this perplexity per token, of a text with these numbers of each."""
    return math.log2(perplexity) * tokens / characters if characters else math.nan


def load(folder: Path) -> Any:
    """Return the causal language model in the folder, in single precision, as the server reads it on a CPU. OSError."""
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def blocks(setting: Setting) -> Iterator[str]:
    """Yield the report's part."""
    yield "## Language model: held-out perplexity"
    found = measure(setting.language_model, setting.data, setting.held_out_tokens)
    rows = [(part.source, f"{part.tokens:,}", f"{part.perplexity:.1f}", f"{part.bits:.3f}") for part in found]
    yield table(("source", "tokens", "perplexity", "bits per character"), rows)
    yield "Windows of 512 tokens. Held out is one document in fifty of each source, chosen by its letters."
