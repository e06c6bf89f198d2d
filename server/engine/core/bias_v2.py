"""The changes of an attempt as vLLM's second model runner (the default on GPUs) applies them."""

from typing import Any

import torch
from vllm.sampling_params import SamplingParams
from vllm.v1.worker.gpu.sample.logits_processor import LogitsContext, LogitsProcessor

from server.engine.core.bias import change
from server.engine.core.changes import Changes, changes_in
from server.engine.core.sight import Sight


class BiasV2(LogitsProcessor):  # type: ignore[misc]
    """Keeps, by slot, what a request changes. A rewound request comes back as a new one, with its new changes."""

    def __init__(self, vllm_config: Any, req_states: Any) -> None:
        self._prompt_lengths = req_states.prompt_len.np
        self._slots: dict[int, Changes] = {}
        self.sight: Sight | None = None

    def add_request(self, req_idx: int, sampling_params: SamplingParams) -> bool:
        """Return whether the request that takes this slot changes anything."""
        self._slots.pop(req_idx, None)
        changes = changes_in(sampling_params.extra_args)
        if changes is None or changes.changes_nothing:
            return False
        self._slots[req_idx] = changes
        return True

    def apply(self, logits: torch.Tensor, ctx: LogitsContext) -> torch.Tensor:
        """Change the rows that are to be changed, in place. Without speculative decoding a request has one row."""
        for row, slot in enumerate(ctx.idx_mapping_np.tolist()):
            changes = self._slots.get(slot)
            if changes is not None:
                drawn = int(ctx.seq_lens_upper_bound_np[row] - self._prompt_lengths[slot])
                if self.sight is not None and drawn < changes.turned:
                    self.sight.turn(logits[row], row)
                change(logits[row], changes, drawn)
        return logits
