"""Faults of the engine's processes, and of the server's own."""

import asyncio
import signal

from tests.chaos.clients import Crowd
from tests.chaos.fault import Fault
from tests.chaos.processes import House

STOPPED_SECONDS = 20.0
CORE, WORKER = "EngineCore", "Worker"


class EngineStopped(Fault):
    """For longer than the watchdog of this server waits, 8 s."""

    what = f"engine: stopped for {STOPPED_SECONDS:.0f} s (SIGSTOP)"
    pages = ("/ready 503", "/health 503")

    async def happen(self, house: House, people: Crowd) -> None:
        (core,) = house.served.below(CORE)
        core.suspend()
        await asyncio.sleep(STOPPED_SECONDS)
        core.resume()


class EngineKilled(Fault):
    what = "engine: core killed"
    codes = (1,)

    async def happen(self, house: House, people: Crowd) -> None:
        (core,) = house.served.below(CORE)
        core.kill()


class WorkerKilled(Fault):
    what = "engine: its worker killed"
    codes = (1,)

    async def happen(self, house: House, people: Crowd) -> None:
        house.served.below(WORKER)[0].kill()


class Terminated(Fault):
    what = "SIGTERM under load"
    codes = (0,)

    async def happen(self, house: House, people: Crowd) -> None:
        house.served.signal(signal.SIGTERM)


class TerminatedWhileStopped(Fault):
    """Nothing that is under way can finish, and the engine cannot be told."""

    what = "SIGTERM under load while the engine is stopped"
    codes = (0,)

    async def happen(self, house: House, people: Crowd) -> None:
        (core,) = house.served.below(CORE)
        core.suspend()
        house.served.signal(signal.SIGTERM)
