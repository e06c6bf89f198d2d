"""What a launched server has in it of the tests, by options that any operator has: `--scorer` and `--middleware`.

1. It judges by a scorer of the test run's own process (`Distant`), which a test swaps, lets hang and lets fail.
2. A few paths reach what a test may reach behind a server in its own process (`Inside`): what the engine has in flight,
   the guard's tasks, the caches to be emptied, the engine to be closed. What is served is otherwise what always is.
"""

import asyncio
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any

from starlette.responses import JSONResponse

from filters.category import Category
from filters.scorer import Scorer, ScorerUnavailable, Scores
from filters.scorers.registry import Setup
from server.api.asgi import App, Receive, Scope, Send

JUDGE = "UNSAY_TEST_JUDGE"
"""Names the socket of the test run's scorer."""
PATH = "/inside/"


class Distant:
    """The scorer at a socket; its name and categories are that one's."""

    def __init__(self, socket: str) -> None:
        self._connection = Client(socket)
        self.name, self.categories = self._connection.recv()

    def score(self, texts: Sequence[str]) -> list[Scores]:
        self._connection.send(list(texts))
        answer: list[Scores] | ScorerUnavailable = self._connection.recv()
        if isinstance(answer, ScorerUnavailable):
            raise ScorerUnavailable(answer.reason)
        return answer

    def ready(self) -> bool:
        return True


def judging(setup: Setup) -> Distant:
    """What `--scorer` names."""
    return Distant(os.environ[JUDGE])


@contextmanager
def lent(scorer: Scorer, socket: Path) -> Iterator[None]:
    """Have `Distant` scorers at this socket score by `scorer`."""
    with Listener(str(socket)) as listener:
        threading.Thread(target=_let_in, args=(listener, scorer), daemon=True).start()
        yield


def _let_in(listener: Listener, scorer: Scorer) -> None:
    while True:
        try:
            connection = listener.accept()
        except OSError:  # it is closed
            return
        threading.Thread(target=_score, args=(connection, scorer), daemon=True).start()


def _score(connection: "Connection[Any, Any]", scorer: Scorer) -> None:
    about: tuple[str, tuple[Category, ...]] = (scorer.name, scorer.categories)
    with connection:
        connection.send(about)
        while texts := _received(connection):
            try:
                connection.send(scorer.score(texts))
            except ScorerUnavailable as unavailable:
                connection.send(unavailable)


def _received(connection: "Connection[Any, Any]") -> list[str]:
    """What is to be scored next; nothing if the server has ended."""
    try:
        texts: list[str] = connection.recv()
    except (EOFError, OSError):
        return []
    return texts


async def guarding() -> list[str]:
    """The guard's tasks on this event loop: the file of each."""
    coroutines = [task.get_coro() for task in asyncio.all_tasks()]
    places = [getattr(getattr(coroutine, "cr_code", None), "co_filename", "") for coroutine in coroutines]
    return [place for place in places if "/server/generation/" in place]


class Inside:
    """What `--middleware` names: answers below PATH, and leaves all else as it is."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(PATH):
            told = await done(scope["path"].removeprefix(PATH), scope["app"].state.engine_client)
            await JSONResponse(told)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


async def done(wish: str, client: Any) -> Any:
    """Do what is asked of a server with this engine client, ours or plain vLLM's, and return what there is to tell."""
    engine = getattr(client, "inner", client)
    match wish:
        case "in_flight":
            return engine.get_num_unfinished_requests()
        case "tasks":
            return await guarding()
        case "forget_prefixes":
            return bool(await engine.reset_prefix_cache())
        case "forget_alternatives":
            return client.alternative_scores.forget()
        case "close":
            engine.generate = None
        case "open":
            del engine.generate
    return None
