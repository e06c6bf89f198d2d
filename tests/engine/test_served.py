"""The guarded client of a server, and what it has beside."""

from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

from fastapi import FastAPI

from filters.batcher import Batcher
from filters.judge import Judge
from filters.scorers.scripted import ScriptedScorer
from server.engine.client import GuardedEngineClient
from server.engine.served import ServedClient
from server.generation.ending import Ending
from server.policy.catalog import builtin
from server.reloading import Current
from tests.keys.counting import quotas


class Inner:
    tokenizer = "theirs"


async def test_it_guards_under_the_catalogs_default_and_closes_what_it_is_given() -> None:
    closed: list[bool] = []
    told: list[FastAPI] = []
    closing = AsyncExitStack()
    closing.callback(closed.append, True)
    judge = Judge(Batcher(ScriptedScorer({})))
    services: Any = type("Services", (), {"judge": judge, "ending": Ending(), "capacity": None, "records": None})()
    catalog, counts = Current(builtin()), quotas()
    options: Any = {"allow_loosen": True, "exact": True, "quotas": counts}
    client = ServedClient(Inner(), services, catalog, closing, told.append, **options)
    assert isinstance(client, GuardedEngineClient)
    assert (client.default_policy, client.catalog, client.allow_loosen) == (builtin().default, catalog, True)
    assert (client.quotas, client.keys) == (counts, None)
    catalog.value = replace(builtin(), default=builtin().policies["strict"])
    assert client.default_policy.name == "strict", "that of now"
    assert client.exact and client.tokenizer == "theirs"
    client.look_after(app := FastAPI())
    assert told == [app]
    await client.closing.aclose()
    assert closed == [True]
