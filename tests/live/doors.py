"""The doors that an operator has: `unsay serve`, and plain `vllm serve` with our plug-in. Each is a real process.

`pytest --door command --door plugin tests/journeys` runs the journeys through each of them, one after the other; beside
it runs plain vLLM without us, for the comparison. `make promises` does so, and prints the table (promises.py).
"""

import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from server.settings import BUNDLED_MODEL
from tests.live.commands import DOORS, Command
from tests.live.inside import JUDGE, PATH, lent
from tests.live.processes import Process, free_port
from tests.live.scorer import SwitchableScorer
from tests.live.servers import FLAGS, Servers, settings

T = TypeVar("T")

START_SECONDS = 500.0
DEADLINE_SECONDS = 15.0
"""Of the scorer, beside which two engines compute: a verdict that is late is none."""
HOST = "127.0.0.1"
SCORER = "entry:tests.live.inside:judging"
KEEPING = {"VLLM_ENABLE_RESPONSES_API_STORE": "1"}
"""Responses are kept to be fetched later."""
INSIDE = ("--middleware", "tests.live.inside.Inside")


class Launched(Servers):
    """Both in processes of their own."""

    @cached_property
    def tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(BUNDLED_MODEL)

    @property
    def engine(self) -> Any:
        pytest.skip("reaches into the engine, which is in another process")

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        work.close()
        pytest.skip("reaches into the server, which is another process")

    def in_flight(self) -> int:
        return int(asked(self.guarded, "in_flight"))

    def tasks(self) -> list[str]:
        return list(asked(self.guarded, "tasks"))

    def forget_prefixes(self) -> bool:
        return bool(asked(self.guarded, "forget_prefixes") & asked(self.plain, "forget_prefixes"))

    @contextmanager
    def closed(self) -> Iterator[None]:
        asked(self.guarded, "close")
        try:
            yield
        finally:
            asked(self.guarded, "open")


def asked(base: str, wish: str) -> Any:
    """What a launched server answers to a wish (inside.py)."""
    answer = httpx.get(base + PATH + wish, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()


@contextmanager
def launched(door: str, scorer: SwitchableScorer, plain: str, folder: Path) -> Iterator[Launched]:
    """Our server through a door, judging by `scorer`, and plain vLLM's at its address."""
    socket = folder / "judge"
    words, environment = DOORS[door](settings(folder, SCORER, DEADLINE_SECONDS))
    with lent(scorer, socket), up((words, environment | {JUDGE: str(socket)}), "/ready", folder / "log") as url:
        scorer.forget = lambda: asked(url, "forget_alternatives")
        yield Launched(url, plain, scorer)


@contextmanager
def up(command: Command, page: str, log: Path) -> Iterator[str]:
    """The process of a command line, once its page is 200; killed at the end. Yields its address."""
    words, environment = command
    port = free_port()
    more = ("--host", HOST, "--port", str(port), *FLAGS, *INSIDE)
    process = Process([*words, *more], log, KEEPING | environment)
    try:
        wait(process, f"http://{HOST}:{port}{page}")
        yield f"http://{HOST}:{port}"
    finally:
        process.kill()


def wait(process: Process, page: str) -> None:
    """Wait until a page is 200. RuntimeError, with the end of the log, if the process ends or takes too long."""
    until = time.monotonic() + START_SECONDS
    while process.code is None and time.monotonic() < until:
        try:
            if httpx.get(page).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.3)
    raise RuntimeError(f"{page} is not there: {process.log.read_text(encoding='utf-8')[-3000:]}")
