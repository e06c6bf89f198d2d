"""The processes: what was started, who of them is an API server, and what their pages say."""

from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

import httpx
import psutil

from tests.chaos.processes import FLAGS
from tests.chaos.scorer import WRONG
from tests.live.commands import DOORS
from tests.live.policies import written
from tests.live.processes import Process, free_port
from tests.servers.streams import eventually

START_SECONDS = 900.0
SERVERS, CORES = 2, 2
SHARED = "scorer --uds"


class House:
    """Two API servers, two engine cores and a scorer that all share and flags often, started through a door."""

    def __init__(self, folder: Path, door: str = "command") -> None:
        self.port = free_port()
        wrong = folder / "wrong"
        wrong.write_text("", encoding="utf-8")
        scorer = {"scorer": "entry:tests.chaos.scorer:make", "scorer_process": "shared"}
        words, environment = DOORS[door]({**scorer, "policy_file": str(written(folder))})
        words += ["--host", "127.0.0.1", "--port", str(self.port), *FLAGS, "--dtype", "float32"]
        words += ["--api-server-count", str(SERVERS), "--data-parallel-size", str(CORES)]
        self.web = httpx.AsyncClient(timeout=30, limits=httpx.Limits(max_keepalive_connections=0))
        self.temporary = Path(mkdtemp(prefix="u-"))  # short: the path of a socket has 107 bytes at most
        environment |= {WRONG: str(wrong), "TMPDIR": str(self.temporary)}
        self.process = Process(words, folder / "servers.log", environment)
        self.family: list[psutil.Process] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def up(self) -> None:
        """Wait until every API server is ready."""

        async def all_ready() -> bool:
            assert self.process.code is None, self.process.log.read_text()[-3000:]
            return set(await self.ready()) == {(200, index) for index in range(SERVERS)}

        assert await eventually(all_ready, START_SECONDS), self.process.log.read_text()[-3000:]
        self.family = self.process.inner.children(recursive=True)

    async def ready(self, asked: int = 12) -> list[tuple[int, int]]:
        """What `/ready` answers, asked so often: each time by one of the servers, which says which it is."""
        found = []
        for _ in range(asked):
            try:
                answer = await self.web.get(f"{self.url}/ready")
            except httpx.HTTPError:
                continue
            found.append((answer.status_code, answer.json().get("server", -1)))
        return found

    async def counts(self) -> dict[str, float]:
        """Every series of the page of metrics."""
        page = (await self.web.get(f"{self.url}/metrics")).text
        lines = (line.rpartition(" ") for line in page.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, _, value in lines}

    def servers(self) -> list[psutil.Process]:
        """The API servers, in order."""
        named = {each.cmdline()[0]: each for each in self.process.inner.children() if each.cmdline()}
        return [named[name] for name in sorted(named) if "APIServer" in name]

    def scorer(self) -> psutil.Process:
        """The scorer that all share."""
        (found,) = self.process.below(SHARED)
        return found

    def left(self) -> list[str]:
        """What is still there of the processes, and of the folders that they made."""
        processes = [each.name() for each in self.family if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]
        return processes + [path.name for path in self.temporary.glob("unsay-*")]

    def close(self) -> None:
        self.process.kill()
        rmtree(self.temporary, ignore_errors=True)
