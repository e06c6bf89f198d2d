"""Faults of the operator's files: broken while they are changed, and a disk that is full."""

import asyncio
import json
import resource
from pathlib import Path

from tests.chaos.clients import Crowd
from tests.chaos.fault import Fault
from tests.chaos.processes import House, limited

SECONDS = 5.0
"""Long enough for the server to look at a file twice."""


class Broken(Fault):
    """A file of the operator's is broken, and mended later."""

    broken = b"policies: {default: {stride: [\xff"
    file = ""

    async def happen(self, house: House, people: Crowd) -> None:
        path: Path = getattr(house, self.file)
        whole = await asyncio.to_thread(path.read_bytes)
        for content in (self.broken, whole):
            await asyncio.to_thread(path.write_bytes, content)
            await asyncio.sleep(SECONDS)


class PolicyFileBroken(Broken):
    what = "policy file: broken on reload"
    file = "policies"
    series = tuple(f'unsay_reloads_total{{file="policies",result="{result}"}}' for result in ("failed", "loaded"))


class KeysFileBroken(Broken):
    what = "keys file: broken on reload"
    file = "keys"
    series = tuple(f'unsay_reloads_total{{file="keys",result="{result}"}}' for result in ("failed", "loaded"))


class KeysFileGone(Broken):
    what = "keys file: empty on reload"
    file = "keys"
    broken = b""
    series = KeysFileBroken.series


class DiskFull(Fault):
    """No file of the server's, its log among them, can grow by a byte."""

    what = f"disk full for {SECONDS:.0f} s under pairs and log (RLIMIT_FSIZE)"
    series = ('unsay_pairs_total{fate="lost"}',)

    async def happen(self, house: House, people: Crowd) -> None:
        old = limited(house.served.inner, resource.RLIMIT_FSIZE, house.pairs.stat().st_size + 10)
        await asyncio.sleep(SECONDS)
        limited(house.served.inner, resource.RLIMIT_FSIZE, old[0])

    async def wrongs(self, house: House) -> list[str]:
        try:
            for line in house.pairs.read_text(encoding="ascii").splitlines():
                json.loads(line)
        except ValueError as error:
            return [f"the file of pairs is torn: {error}"]
        return []
