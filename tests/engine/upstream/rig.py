"""A client over two scripted upstreams that have been met, and what was told of them."""

import copy
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from vllm.outputs import RequestOutput
from vllm.sampling_params import RequestOutputKind, SamplingParams

from server.engine.upstream.client import UpstreamClient
from tests.engine.upstream.scripted import Network, Told, Upstream, token

PROMPT = {"type": "token", "prompt_token_ids": [1, 2, 3]}
WHOLE = [token(3 + at) for at in range(8)]
"""What is drawn after the prompt, where eight tokens are asked for."""


@dataclass
class Rig:
    """`first` is the upstream that request `r` goes to, `second` the other one; by their names among `upstreams`."""

    client: UpstreamClient
    told: Told
    network: Network

    @property
    def first(self) -> Upstream:
        return self.network.of(self.client.fleet.choose("r", ()))

    @property
    def second(self) -> Upstream:
        return next(each for each in self.network.upstreams.values() if each is not self.first)

    def outputs(self, *, options: dict[str, Any] | None = None, **params: Any) -> AsyncGenerator[RequestOutput, None]:
        wanted = SamplingParams(**{"max_tokens": 8, "output_kind": RequestOutputKind.DELTA, **params})
        return self.client.generate(PROMPT, wanted, "r", **(options or {}))

    async def drawn(self, **params: Any) -> list[int]:
        """The tokens of one answer, which ends."""
        outputs = [output async for output in self.outputs(**params)]
        assert [output.finished for output in outputs] == [False] * (len(outputs) - 1) + [True]
        return [token for output in outputs for token in output.outputs[0].token_ids]


def network(base: UpstreamClient, *, silence_seconds: float = 60.0, **upstreams: Upstream) -> Rig:
    """A rig of which nobody has been met, whose upstreams all have the tokenizer of the model."""
    told, net = Told(), Network(**upstreams)
    client = copy.copy(base)
    client.look_after(net.links(silence_seconds=silence_seconds, key="sesame"), told)
    for upstream in upstreams.values():
        upstream.tokenize = lambda text: client.renderer.tokenizer.encode(text, add_special_tokens=False)
    return Rig(client, told, net)


@asynccontextmanager
async def rigged(base: UpstreamClient, *, silence_seconds: float = 60.0) -> AsyncIterator[Rig]:
    """A rig of two upstreams that are up, and that were asked nothing yet."""
    rig = network(base, silence_seconds=silence_seconds, a=Upstream(), b=Upstream())
    await rig.client.fleet.begin()
    for upstream in rig.network.upstreams.values():
        upstream.asked.clear()
        upstream.closed = 0
        upstream.said_parts = 0
    try:
        yield rig
    finally:
        await rig.client.fleet.aclose()
