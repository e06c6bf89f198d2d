"""What a model writes, or is given to read, with the hidden states of its own that a probe looks at.

1. A state is what the model computes its logits from: its last layer's, after the final norm. vLLM has just that at
   hand at every step, for every model that it serves, whatever is compiled (docs/decisions/0039).
2. `states[i]` belongs to `tokens[i]`: it is computed once that token has been read. The prompt has none.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from probing.texts import ProbeError

TOGETHER = 128
"""Texts that are written at once."""
LONGEST_PROMPT = 96
"""Tokens of a prompt, from its end."""
TEMPERATURES = (1.0, 1.0, 0.7)
"""Of a third of the texts each."""


@dataclass(frozen=True, slots=True)
class Written:
    """The tokens of one answer, and the state of each, (tokens, width) in half precision."""

    tokens: list[int]
    states: torch.Tensor


class LanguageModel:
    """A causal model of transformers', in the precision of its files, on the accelerator if there is one."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self._model = model
        self.tokenizer = tokenizer
        self.width = int(model.config.get_text_config().hidden_size)
        self._ends = _ends(model, tokenizer)

    @classmethod
    def load(cls, name_or_path: str) -> "LanguageModel":
        """Load a folder, or a name on a hub. ProbeError if transformers cannot."""
        from transformers import AutoModelForCausalLM, AutoTokenizer

        device = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            tokenizer = AutoTokenizer.from_pretrained(name_or_path)
            model = AutoModelForCausalLM.from_pretrained(name_or_path, dtype="auto").to(device).eval()
        except (OSError, ValueError, KeyError) as error:
            reason = " ".join(str(error).split())[:200]
            raise ProbeError(f"model {name_or_path}: expected a causal model of transformers' ({reason})") from error
        return cls(model, tokenizer)

    def prompt(self, text: str, *, chat: bool) -> list[int]:
        """Return the tokens of an opening to be continued, or (`chat`) of a message to be answered."""
        if chat and self.tokenizer.chat_template:
            said = [{"role": "user", "content": text}]
            shown = self.tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True)
            return list(self.tokenizer(shown, add_special_tokens=False)["input_ids"])[-LONGEST_PROMPT:]
        return list(self.tokenizer(text)["input_ids"])[-LONGEST_PROMPT:]

    def answer(self, text: str, most: int) -> list[int]:
        """Return the tokens of an answer that is given, `most` of them."""
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])[:most]

    def write(self, prompts: Sequence[Sequence[int]], most: int, seed: int) -> Iterator[Written]:
        """Yield an answer of at most `most` tokens to each prompt, in order; the same seed writes the same."""
        for at in range(0, len(prompts), TOGETHER):
            yield from self._write(prompts[at : at + TOGETHER], most, seed + at)

    def read(self, texts: Sequence[tuple[Sequence[int], Sequence[int]]]) -> Iterator[Written]:
        """Yield the same for answers that are given, each after its prompt."""
        for at in range(0, len(texts), TOGETHER):
            some = texts[at : at + TOGETHER]
            states = self._states(self._padded([[*prompt, *answer] for prompt, answer in some]))
            for (_, answer), own in zip(some, states, strict=True):
                yield Written(list(answer), own[own.shape[0] - len(answer) :])

    @torch.inference_mode()
    def _states(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        states: torch.Tensor = self._model.base_model(**inputs).last_hidden_state
        return states.half().cpu()

    def _padded(self, rows: Sequence[Sequence[int]]) -> dict[str, torch.Tensor]:
        """Return the rows, padded on the left, with their masks and positions."""
        longest, device = max(map(len, rows)), self._model.device
        ids = torch.tensor([[0] * (longest - len(row)) + list(row) for row in rows], device=device)
        mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows], device=device)
        return {"input_ids": ids, "attention_mask": mask, "position_ids": (mask.cumsum(1) - 1).clamp(min=0)}

    @torch.inference_mode()
    def _write(self, prompts: Sequence[Sequence[int]], most: int, seed: int) -> list[Written]:
        inputs = self._padded(prompts)
        mask, position = inputs["attention_mask"], inputs["position_ids"][:, -1:]
        chance = torch.Generator(device=mask.device).manual_seed(seed)
        warm = torch.tensor([TEMPERATURES[row % len(TEMPERATURES)] for row in range(len(prompts))], device=mask.device)
        cache, drawn, states = None, [], []
        for _ in range(most + 1):
            out = self._model.base_model(**inputs, past_key_values=cache, use_cache=True)
            cache, last = out.past_key_values, out.last_hidden_state[:, -1]
            states.append(last.half().cpu())
            odds = (self._model.lm_head(last).float() / warm[:, None]).softmax(dim=1)
            token = torch.multinomial(odds, 1, generator=chance)
            drawn.append(token[:, 0].cpu())
            mask, position = torch.cat([mask, torch.ones_like(token)], dim=1), position + 1
            inputs = {"input_ids": token, "attention_mask": mask, "position_ids": position}
        tokens, seen = torch.stack(drawn[:-1], dim=1), torch.stack(states[1:], dim=1)
        return [self._written(row, own) for row, own in zip(tokens.tolist(), seen, strict=True)]

    def _written(self, tokens: list[int], states: torch.Tensor) -> Written:
        """Return the answer up to the token that ends it."""
        end = next((at for at, token in enumerate(tokens) if token in self._ends), len(tokens))
        return Written(tokens[:end], states[:end].clone())


def _ends(model: Any, tokenizer: Any) -> frozenset[int]:
    named = getattr(model.generation_config, "eos_token_id", None)
    several = named if isinstance(named, list) else [named]
    return frozenset(token for token in (*several, tokenizer.eos_token_id) if token is not None)


def folder_of(name_or_path: str) -> Path:
    """Return where the files of a model lie, once it has been loaded: its folder, or the hub's cache."""
    path = Path(name_or_path)
    if path.is_dir():
        return path
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(name_or_path, local_files_only=True))
