"""Room for all requests together: what fits the engine, and what is refused for now because it would not fit.

It is looked at twice: when vLLM asks, before it prepares a request, and when the request's answer begins.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from vllm.engine.protocol import EngineClient
from vllm.exceptions import RetryableRequestError

from server.engine.upstream.client import UpstreamClient
from server.errors import Unavailable
from server.generation.capacity import Capacity
from server.generation.request import GuardedRequest

AN_UPSTREAM_RUNS = 256
"""What vLLM runs at once on most machines, if it is not told otherwise: upstreams do not say."""


def fitting(engine: EngineClient) -> int:
    """Return how many choices may be under way by default: as many as the engine runs at once, and as many that wait.

    So what waits does so for about as long as an answer takes.
    """
    if isinstance(engine, UpstreamClient):
        return 2 * AN_UPSTREAM_RUNS * len(engine.fleet.all)
    config = engine.vllm_config
    return int(2 * config.scheduler_config.max_num_seqs * config.parallel_config.data_parallel_size)


def check_room(request: GuardedRequest, choices: int, capacity: Capacity) -> None:
    """Refuse a request for which there is no room now (503, which says when to come again), unless it is in already."""
    if request.admitted:
        return
    try:
        capacity.check(choices, judged=request.policy.mode != "off")
    except Unavailable as error:
        request.unusable = error
        raise RetryableRequestError(error.message) from None


@contextmanager
def taken_in(request: GuardedRequest, choices: int, capacity: Capacity) -> Iterator[None]:
    """Count a call's choices as under way. RetryableRequestError if there is no room for all that its request asks for.

    Its calls of `generate` have all been made by then, one for each of its prompts.
    """
    check_room(request, request.choices, capacity)
    request.admitted = True
    with capacity.during(choices):
        yield
