"""Teaches a vLLM that is about to start to rewind within its engine, where that is possible.

It is done through vLLM's own settings for such parts (scheduler class, logits processors, worker extension), on the
configuration that vLLM has resolved; what they cannot say, the scheduler does when it is made (utility.py). With a
version that is not supported, or a configuration that our parts cannot serve, answers are rewound by resubmission, and
the log says why once.
"""

import logging
from typing import Any

import vllm

from server.engine.core import SUPPORTED

log = logging.getLogger("unsay.engine")

_HERE = __name__.removesuffix(".arming")
SCHEDULER, ASYNC_SCHEDULER = f"{_HERE}.scheduler.RewindingScheduler", f"{_HERE}.scheduler.AsyncRewindingScheduler"
WORKER = f"{_HERE}.worker.RewindingWorker"
BIAS_V1, BIAS_V2 = f"{_HERE}.bias_v1:BiasV1", f"{_HERE}.bias_v2:BiasV2"


def arm(config: Any, version: str = vllm.__version__) -> None:
    """Put our parts into vLLM's configuration; leave it alone where they would not work."""
    obstacle = obstacle_in(config, version)
    if obstacle is not None:
        log.warning("rewinding by resubmission, not within vLLM's engine", extra={"reason": obstacle})
        return
    scheduler, model, parallel = config.scheduler_config, config.model_config, config.parallel_config
    scheduler.scheduler_cls = ASYNC_SCHEDULER if scheduler.async_scheduling else SCHEDULER
    model.logits_processors = [*(model.logits_processors or ()), BIAS_V2 if config.use_v2_model_runner else BIAS_V1]
    parallel.worker_extension_cls = WORKER


def armed(client: Any) -> bool:
    """Return whether the engine behind a client rewinds by itself."""
    return client.vllm_config.scheduler_config.scheduler_cls in (SCHEDULER, ASYNC_SCHEDULER)


async def ignore_interrupts(client: Any) -> None:
    """Have the processes of the engine behind a client leave SIGINT to the server (interrupts.py), if it is armed."""
    if armed(client):
        await client.engine_core.call_utility_all_async("unsay_ignore_interrupts")


async def look(client: Any, folder: str) -> bool:
    """Have the engine behind a client, which is armed, look with the probe in a folder (sight.py); False if misfit."""
    return all(await client.engine_core.call_utility_all_async("unsay_look", folder))


def obstacle_in(config: Any, version: str) -> str | None:
    """Return what keeps a vLLM from rewinding within its engine; None if nothing does."""
    if not version.startswith(SUPPORTED):
        return f"vLLM {version} is not {' or '.join(f'{minor}x' for minor in SUPPORTED)}"
    obstacles = {
        "speculative decoding": config.speculative_config is not None,
        "a KV connector": config.kv_transfer_config is not None,
        "an encoder cache connector": config.ec_transfer_config is not None,
        "pipeline parallelism": config.parallel_config.pipeline_parallel_size > 1,
        "an encoder-decoder model": config.model_config.is_encoder_decoder,
        "a model that is not for generation": config.model_config.runner_type != "generate",
        "a diffusion model": config.model_config.is_diffusion,
        "another scheduler (--scheduler-cls)": config.scheduler_config.scheduler_cls is not None,
        "another worker extension (--worker-extension-cls)": bool(config.parallel_config.worker_extension_cls),
    }
    return next((name for name, there in obstacles.items() if there), None)
