"""A store of responses without vLLM."""

import asyncio
from collections.abc import Collection
from typing import Any

from server.api.asgi import Scope


class FakeStore:
    """Names every response `name`, or says nothing of it; remembers which were closed."""

    def __init__(self, name: str | None, *, held: Collection[str] = ()) -> None:
        self.name = name
        self.held = set(held)
        self.works: dict[str, asyncio.Future[Any]] = {}
        self.closed: list[str] = []

    def named(self, scope: Scope) -> str | None:
        return self.name

    def holds(self, response: str) -> bool:
        return response in self.held

    def work(self, response: str) -> "asyncio.Future[Any] | None":
        return self.works.get(response)

    def close(self, response: str) -> None:
        self.closed.append(response)
