"""A server and a scorer in processes of their own, as an operator starts them."""

import asyncio
import json
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import psutil

from server.keys.key import digest
from tests.chaos.scorer import WRONG
from tests.live.policies import written
from tests.live.processes import Process, free_port

START_SECONDS = 400.0
FLAGS = ("--max-model-len", "1024", "--kv-cache-memory-bytes", str(128 * 1024 * 1024), "--max-num-seqs", "64")
CROWD, FEW = "usk-of-the-crowd", "usk-of-few-requests"
KEYS = {"keys": {"crowd": {"hash": digest(CROWD).hex()}, "few": {"hash": digest(FEW).hex(), "requests_per_minute": 3}}}
_SERIES = re.compile(r"^((?:unsay|vllm|process)[\w:]+)(\{.*\})? (\S+)$", re.MULTILINE)


class House:
    """A server that is judged for by a scorer in a process of its own, with policies, keys and a file of pairs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.policies = written(folder)
        self.keys = folder / "keys.yaml"
        self.keys.write_text(json.dumps(KEYS), encoding="utf-8")
        self.pairs = folder / "pairs.jsonl"
        self.wrong = folder / "wrong"
        self.wrong.write_text("", encoding="utf-8")
        self.port, self.scorer_port = free_port(), free_port()
        self.web = httpx.AsyncClient(timeout=10, limits=httpx.Limits(max_keepalive_connections=0))
        self.server: Process | None = None
        self.scorer: Process | None = None
        self.environment: Mapping[str, str] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def headers(self) -> dict[str, str]:
        """What a client says of itself."""
        return {"authorization": f"Bearer {CROWD}"}

    @property
    def judging(self) -> Process:
        assert self.scorer is not None
        return self.scorer

    @property
    def served(self) -> Process:
        assert self.server is not None
        return self.server

    async def start_scorer(self) -> None:
        """Have a scorer up."""
        words = ("unsay", "scorer", "--scorer", "entry:tests.chaos.scorer:make", "--port", str(self.scorer_port))
        self.scorer = Process(words, self.folder / "scorer.log", {WRONG: str(self.wrong)})
        await self._up(f"http://127.0.0.1:{self.scorer_port}/health", self.scorer)

    async def open(self, environment: Mapping[str, str]) -> None:
        """Have both up, the server with this in its environment; one that runs with the same is left running."""
        if self.scorer is None or self.scorer.code is not None:
            await self.start_scorer()
        if self.server is not None and self.server.code is None:
            if environment == self.environment:
                return
            self.server.kill()
        self.environment = environment
        own = (
            *("unsay", "serve", "mini", "--host", "127.0.0.1", "--port", str(self.port), *FLAGS),
            *("--scorer", f"remote:http://127.0.0.1:{self.scorer_port}", "--scorer-deadline", "3"),
            *("--policy-file", str(self.policies), "--pairs-out", str(self.pairs)),
            *("--keys-file", str(self.keys)),
            *("--engine-seconds", "8", "--grace-seconds", "5", "--max-under-way", "600"),
        )
        self.server = Process(own, self.folder / "server.log", self.environment)
        await self._up(f"{self.url}/ready", self.server)

    async def _up(self, url: str, process: Process | None) -> None:
        assert process is not None
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if process.code is not None:
                raise RuntimeError(f"it ended with {process.code}: {process.log.read_text()[-2000:]}")
            if await self.status(url) == 200:
                return
            await asyncio.sleep(0.3)
        raise TimeoutError(f"{url} is not there: {process.log.read_text()[-2000:]}")

    async def status(self, url: str) -> int:
        """The status of a page; 0 if nobody answers."""
        try:
            return (await self.web.get(url)).status_code
        except httpx.HTTPError:
            return 0

    async def ready(self) -> bool:
        return await self.status(f"{self.url}/ready") == 200

    async def counts(self) -> dict[str, float]:
        """Every series of the server's page of metrics; empty if it does not answer."""
        try:
            page = (await self.web.get(f"{self.url}/metrics")).text
        except httpx.HTTPError:
            return {}
        return {name + labels: float(value) for name, labels, value in _SERIES.findall(page)}

    async def quiet(self) -> bool:
        """Whether the engine has nothing to do, and no block of its cache is taken."""
        counts = await self.counts()
        named = ("vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc")
        found = [value for name, value in counts.items() if name.split("{")[0] in named]
        return len(found) >= len(named) and not any(found)

    def close(self) -> None:
        for process in (self.server, self.scorer):
            if process is not None:
                process.kill()


def limited(process: psutil.Process, what: int, soft: int) -> Any:
    """Set a soft limit of a running process; return the old limits."""
    import resource

    old = resource.prlimit(process.pid, what)
    resource.prlimit(process.pid, what, (soft, old[1]))
    return old
