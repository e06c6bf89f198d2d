"""The changes of an attempt as vLLM's first model runner (the one on CPU) applies them."""

from typing import Any

import torch
from vllm.sampling_params import SamplingParams
from vllm.v1.sample.logits_processor import BatchUpdate, LogitsProcessor
from vllm.v1.sample.logits_processor.builtin import process_dict_updates

from server.engine.core.bias import change
from server.engine.core.changes import Changes, changes_in
from server.engine.core.sight import Sight


class BiasV1(LogitsProcessor):  # type: ignore[misc]
    """Keeps, by row, the requests of the batch that change anything, each with the live list of its tokens."""

    def __init__(self, vllm_config: Any, device: Any, is_pin_memory: bool) -> None:
        self._rows: dict[int, tuple[Changes, list[int]]] = {}
        self.sight: Sight | None = None

    def is_argmax_invariant(self) -> bool:
        """Return False: a ban is there to change the likeliest token."""
        return False

    def update_state(self, batch_update: BatchUpdate | None) -> None:
        """Follow the batch."""
        process_dict_updates(self._rows, batch_update, _row)

    def apply(self, logits: torch.Tensor) -> torch.Tensor:
        """Change the rows that are to be changed, in place."""
        for row, (changes, drawn) in self._rows.items():
            if self.sight is not None and len(drawn) < changes.turned:
                self.sight.turn(logits[row], row)
            change(logits[row], changes, len(drawn))
        return logits


def _row(params: SamplingParams, prompt: list[int] | None, drawn: list[int]) -> tuple[Changes, list[int]] | None:
    changes = changes_in(params.extra_args)
    return None if changes is None or changes.changes_nothing else (changes, drawn)
