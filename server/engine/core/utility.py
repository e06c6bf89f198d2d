"""The way into the engine core: utilities of ours, which are our one patch of vLLM.

vLLM has settings for a scheduler, logits processors and a worker extension (arming.py), and none for utilities: it
looks them up among the methods of its engine core by the name that the front end calls.
"""

from typing import Any

from vllm.v1.engine.core import EngineCore

from server.engine.core.interrupts import ignore_interrupts


def add_utilities_to_vllm() -> None:
    """Give vLLM's engine core the utilities, in the process that calls this.

    Our scheduler calls it when it is made: it is the first of ours that runs in the engine's process, and before any
    request is there.
    """
    EngineCore.unsay_rewind = unsay_rewind
    EngineCore.unsay_ignore_interrupts = unsay_ignore_interrupts
    EngineCore.unsay_look = unsay_look


def unsay_rewind(core: EngineCore, key: str, tokens: list[int], params: dict[str, Any]) -> int | None:
    """Run RewindingScheduler.rewind, and the same in the workers; called between the engine's steps.

    Returns how many tokens the request had drawn; None if it cannot be rewound here.
    """
    found = core.scheduler.rewind(key, tokens, params)
    if found is None:
        return None
    request, drawn = found
    if not core.scheduler.use_v2_model_runner:  # the second runner is told all of a request that comes back
        core.collective_rpc("unsay_rewound", args=(request.request_id, tokens, request.sampling_params))
    return int(drawn)


def unsay_ignore_interrupts(core: EngineCore) -> None:
    """Have this process and those of its workers ignore SIGINT (interrupts.py)."""
    ignore_interrupts()
    core.collective_rpc("unsay_ignore_interrupts")


def unsay_look(core: EngineCore, folder: str) -> bool:
    """Have the workers look at the model's states with the probe in a folder, and what they see sent along.

    Returns False if it is for states of another width (RewindingWorker.unsay_look).
    """
    fits = all(core.collective_rpc("unsay_look", args=(folder,)))
    if fits:
        core.scheduler.send_seen()
    return fits
