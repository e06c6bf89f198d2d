"""An engine client that is watched: vLLM's, before anything of ours asks it."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from vllm.engine.protocol import EngineClient
from vllm.outputs import RequestOutput

from server.engine.delegate import Delegate
from server.engine.watchdog import EngineObserver, Watchdog


class WatchedClient(Delegate):
    """Passes everything on to `inner`, and hears whether it answers within `limit_seconds`."""

    def __init__(self, inner: EngineClient, limit_seconds: float, observer: EngineObserver) -> None:
        super().__init__(inner)
        self.watchdog = Watchdog(limit_seconds, observer, lambda: self.inner.is_paused())

    @property
    def answering(self) -> bool:
        """Whether the engine is up and does not hang."""
        return bool(self.inner.is_running and not self.inner.errored) and self.watchdog.check()

    async def generate(self, *args: Any, **options: Any) -> AsyncGenerator[RequestOutput, None]:
        """Generate as the engine does."""
        async with aclosing(self.inner.generate(*args, **options)) as outputs:
            while (output := await self.watchdog.wait(anext(outputs, None))) is not None:
                yield output

    async def check_health(self) -> None:
        """Raise what vLLM's `/health` takes for a dead engine, for one that hangs too."""
        await self.inner.check_health()
        if not self.watchdog.check():
            raise self.inner.dead_error
