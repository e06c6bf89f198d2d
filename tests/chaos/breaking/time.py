"""The clock of the wall, set while the server runs: by libfaketime, which leaves the monotonic clock alone."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

import httpx

from tests.chaos.clients import MODEL, Crowd, asked
from tests.chaos.fault import Fault
from tests.chaos.processes import FEW, House
from tests.live.wire import asking

FOLDERS = ("x86_64-linux-gnu/faketime", "aarch64-linux-gnu/faketime", "faketime")
LIBRARIES = tuple(Path(f"/usr/lib/{folder}/libfaketime.so.1") for folder in FOLDERS)
MINUTE_SECONDS = 62.0


class ClockSet(Fault):
    """An hour on, then two back; a key that has used up its minute is let in again a minute later."""

    what = "clock: an hour on, then two hours back"

    def skipped(self) -> str:
        return "" if any(path.exists() for path in LIBRARIES) else "no libfaketime here (Debian: faketime)"

    def environment(self, house: House) -> Mapping[str, str]:
        library = next(path for path in LIBRARIES if path.exists())
        self.set(house, "+0")
        return {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(house.folder / "clock"),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, house: House, offset: str) -> None:
        clock = house.folder / "new"
        clock.write_text(f"{offset}\n", encoding="ascii")
        os.replace(clock, house.folder / "clock")

    async def happen(self, house: House, people: Crowd) -> None:
        self.set(house, "+3600")
        await asyncio.sleep(3)
        used = [await self._few(house) for _ in range(4)]
        self.set(house, "-3600")
        await asyncio.sleep(MINUTE_SECONDS)
        self.found = (used, await self._few(house))

    async def _few(self, house: House) -> int:
        body = asking("completions", MODEL, "The", tokens=1)
        async with httpx.AsyncClient(base_url=house.url, timeout=None) as web:
            return (await asked(web, "completions", body, {"Authorization": f"Bearer {FEW}"})).status

    async def wrongs(self, house: House) -> list[str]:
        used, after = self.found
        wrong = [] if 429 in used else [f"the key of few requests was never over its limit: {used}"]
        return wrong + (
            [] if after == 200 else [f"the key of few requests has {after} a minute after the clock was set back"]
        )
