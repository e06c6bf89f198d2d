"""What is ours in vLLM's workers: what a rewind changes under its first model runner, a probe, and who heeds Ctrl-C.

The first runner keeps a request's tokens, parameters and random numbers while it is away from the batch, and resumes
with them when it comes back: they are replaced in between. Calls reach a worker in order with the steps, so those in
flight are over by then.
"""

from typing import Any

import torch

from server.engine.core.interrupts import ignore_interrupts
from server.engine.core.sight import Heads, Sight, is_watched, watch


class RewindingWorker:
    """Mixed into vLLM's worker (`worker_extension_cls`), whose public names it must not take."""

    model_runner: Any
    vllm_config: Any

    def unsay_ignore_interrupts(self) -> None:
        """Ignore SIGINT in this worker's process."""
        ignore_interrupts()

    def unsay_rewound(self, request_id: str, tokens: list[int], params: Any) -> None:
        """Let the request have drawn just `tokens`, and draw on by `params`."""
        request = self.model_runner.requests.get(request_id)
        if request is None:
            return
        request.output_token_ids = list(tokens)
        request.sampling_params = params
        if request.generator is not None:
            request.generator = torch.Generator(device=self.model_runner.device)
            request.generator.manual_seed(params.seed)

    def unsay_look(self, folder: str) -> bool:
        """Look at the model's states with the probe in a folder from now on; every API server asks, once is enough.

        Returns False, and does not look, if it is for states of another width.
        """
        runner, config = self.model_runner, self.vllm_config
        heads = Heads.load(folder, runner.device)
        fits = heads.away.shape[0] == config.model_config.get_hidden_size()
        if fits and not is_watched(runner):
            sight = Sight(heads, config.model_config.dtype, runner.model.compute_logits)
            watch(runner, sight, v2=bool(config.use_v2_model_runner))
        return bool(fits)
