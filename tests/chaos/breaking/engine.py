"""Faults of the engine's processes, and of the server's own."""

import asyncio
import signal

from tests.chaos.clients import Crowd
from tests.chaos.fault import Fault
from tests.chaos.processes import House


def core(house: House) -> int:
    """The engine core's process."""
    (found,) = [each for each in house.served.inner.children(recursive=True) if "EngineCore" in " ".join(each.cmdline())]
    return int(found.pid)


class EngineKilled(Fault):
    what = "engine core killed"
    codes = (1,)

    async def happen(self, house: House, people: Crowd) -> None:
        import os

        os.kill(core(house), signal.SIGKILL)


class Terminated(Fault):
    what = "SIGTERM under load"
    codes = (0,)

    async def happen(self, house: House, people: Crowd) -> None:
        house.served.signal(signal.SIGTERM)
        await asyncio.sleep(0)
