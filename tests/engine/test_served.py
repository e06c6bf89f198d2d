"""The guarded client of a server, and what it has beside."""

from contextlib import AsyncExitStack
from typing import Any

from fastapi import FastAPI

from filters.batcher import Batcher
from filters.judge import Judge
from filters.scorers.scripted import ScriptedScorer
from server.engine.client import GuardedEngineClient
from server.engine.served import ServedClient
from server.generation.ending import Ending
from server.policy.catalog import builtin


class Inner:
    tokenizer = "theirs"


async def test_it_guards_under_the_catalogs_default_and_closes_what_it_is_given() -> None:
    closed: list[bool] = []
    told: list[FastAPI] = []
    closing = AsyncExitStack()
    closing.callback(closed.append, True)
    services: Any = type("Services", (), {"judge": Judge(Batcher(ScriptedScorer({}))), "ending": Ending()})()
    client = ServedClient(Inner(), services, builtin(), closing, told.append, allow_loosen=True, exact=True)
    assert isinstance(client, GuardedEngineClient)
    assert (client.default_policy, client.catalog, client.allow_loosen) == (builtin().default, builtin(), True)
    assert client.exact and client.tokenizer == "theirs"
    client.look_after(app := FastAPI())
    assert told == [app]
    await client.closing.aclose()
    assert closed == [True]
