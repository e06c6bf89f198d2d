"""How well a language model of your choice expects a continuation after its prompt.

Prompt and continuation are tokenised separately and joined; the continuation's tokens count, each given all
that stands before it. The sum of -log p (natural) and the number of tokens are kept, so that the perplexity of many
texts is exp(sum / tokens) over all of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evaluation.errors import EvaluationError

_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")


class LanguageModel:
    """A causal language model of transformers, in single precision. Its name holds the start of its weights' sha256."""

    def __init__(self, name_or_folder: str, device: str) -> None:
        """Load the model. EvaluationError if transformers cannot."""
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
        from transformers.utils import logging

        logging.disable_progress_bar()

        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(name_or_folder)
            model: Any = AutoModelForCausalLM.from_pretrained(name_or_folder, dtype=torch.float32)
            self._model: Any = model.to(device).eval()
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            said = f"{type(error).__name__}: {error}"[:200]
            message = f"--perplexity {name_or_folder}: expected a folder or name of a causal language model ({said})"
            raise EvaluationError(message) from None
        self._device = device
        self._limit = int(getattr(self._model.config, "max_position_embeddings", 0) or 1024)
        self.name = _name(name_or_folder)

    def losses(self, pairs: Sequence[tuple[str, str]]) -> list[tuple[float, int]]:
        """Return for each prompt and continuation the sum of -log p of the continuation's tokens, and their number."""
        import torch

        encoded = [self._encode(prompt, text) for prompt, text in pairs]
        longest = max(len(ids) for ids, _ in encoded)
        ids = torch.zeros((len(encoded), longest), dtype=torch.long)
        mask = torch.zeros((len(encoded), longest), dtype=torch.long)
        for row, (tokens, _) in enumerate(encoded):
            ids[row, : len(tokens)] = torch.tensor(tokens, dtype=torch.long)
            mask[row, : len(tokens)] = 1
        with torch.inference_mode():
            logits = self._model(input_ids=ids.to(self._device), attention_mask=mask.to(self._device)).logits
        found: list[tuple[float, int]] = []
        for row, (tokens, count) in enumerate(encoded):
            found.append((_loss(logits[row, : len(tokens)], ids[row, : len(tokens)].to(self._device), count), count))
        return found

    def _encode(self, prompt: str, text: str) -> tuple[list[int], int]:
        """Return the tokens of both, cut at the prompt's head if too many, and the number of the continuation's."""
        before: list[int] = self._tokenizer(prompt).input_ids
        fresh: list[int] = self._tokenizer(text, add_special_tokens=False).input_ids
        # The very first token is never predicted: something has to come before the continuation.
        fresh = fresh[: self._limit - 1]
        before = before[-(self._limit - len(fresh)) :] or [self._tokenizer.bos_token_id or 0]
        return before + fresh, len(fresh)


def _loss(logits: Any, ids: Any, count: int) -> float:
    """Return the sum of -log p of the last `count` tokens."""
    import torch

    if not count:
        return 0.0
    logs = torch.log_softmax(logits[-count - 1 : -1].float(), dim=-1)
    return float(-logs.gather(1, ids[-count:, None]).sum())


def _name(name_or_folder: str) -> str:
    folder = Path(name_or_folder)
    if not folder.is_dir():
        return name_or_folder
    digest = hashlib.sha256()
    for path in sorted(path for pattern in _WEIGHTS for path in folder.glob(pattern)):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return f"{folder.resolve().name}@{digest.hexdigest()[:12]}"
