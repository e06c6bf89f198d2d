"""Feedback at vLLM's whole application, over a scripted engine: every route's answers can be spoken of by their ids."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import select
from vllm.engine.arg_utils import EngineArgs

from filters.scorers.scripted import ScriptedScorer
from server import app as wiring
from server import composition
from server.configuration import parse
from server.engine import launcher
from server.engine.scripted_client import ScriptedClient
from server.feedback.database import Database
from server.feedback.records import Selection
from server.feedback.service import Feedback
from server.feedback.tables import AnswerRow
from server.hashing import hashed
from server.keys.file import Keys
from server.keys.key import Key, digest
from server.policy.catalog import Catalog
from server.policy.policy import Policy
from server.reloading import Current
from server.telemetry.metrics import Metrics
from tests.feedback.rows import Told

SAYING: frozenset[Any] = frozenset({"feedback"})
FILE = Keys({digest(name): Key(name, rights=SAYING) for name in ("one", "two")})
SMALL: dict[str, Any] = {"first_stride": 2, "stride": 2, "max_stride": 2, "hold_back": 1, "open_to_requests": True}
POLICIES = {
    each.name: each
    for each in (
        Policy(name="all", keep_text="all", **SMALL),
        Policy(name="none", **SMALL),
        Policy(name="released", keep_text="released", mode="monitor", **SMALL),
        Policy(name="off", mode="off", open_to_requests=True),
    )
}
RUDE = 4
"""The token at which the engine would be rude."""


@dataclass
class Served:
    """A server with feedback, and its client of HTTP."""

    database: Database
    feedback: Feedback
    web: httpx.AsyncClient
    told: Told

    async def ask(self, path: str, policy: str = "all", key: str = "one", **body: Any) -> httpx.Response:
        said = {"model": "unsay-mini", **ASKED.get(path, {}), "detox": {"policy": policy}, **body}
        headers = {"Authorization": f"Bearer {key}"}
        answer = await self.web.post(path, json=said, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer

    async def rows(self, response: str) -> Sequence[AnswerRow]:
        await self.feedback.recorder.settled(5)
        asked = select(AnswerRow).where(AnswerRow.response_id == response).order_by(AnswerRow.choice)
        return await self.database.run(lambda session: list(session.scalars(asked)))


ASKED: dict[str, dict[str, Any]] = {
    "/v1/completions": {"prompt": ["The town", "The river"], "max_tokens": 9},
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 9, "n": 2},
    "/v1/responses": {"input": "Hello", "max_output_tokens": 9, "store": False},
    "/v1/messages": {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 9},
}


@pytest.fixture(scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    file: Path = tmp_path_factory.mktemp("feedback") / "feedback.db"
    start = parse(["serve", "mini", "--screen", "none"])
    args = wiring.engine_arguments(start)
    metrics, told = Metrics(CollectorRegistry()), Told()
    database = Database(str(file))
    feedback = Feedback(database, told, days=0, selection=Selection(sample=1.0))
    feedback.begin()
    engine = ScriptedClient(EngineArgs.from_cli_args(args).create_engine_config(), lambda *_: ())
    kind, rude = engine._ids[" and"], engine._ids[" said"]
    engine.script = lambda prompt, drawn, seed: (rude, kind) if len(drawn) == RUDE else (kind,)
    async with wiring.judging(ScriptedScorer({"said": 0.9}), start.settings, metrics) as judge:
        catalog = Current(Catalog(POLICIES["all"], POLICIES))
        client = composition.guard(
            engine, judge, catalog, metrics, AsyncExitStack(), allow_loosen=False, keys=Current(FILE), feedback=feedback
        )
        app = await launcher.application(client, args)
        composition.attach(app, client, args)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as web:
            yield Served(database, feedback, web, told)
    await feedback.aclose()


def told_id(answer: httpx.Response) -> str:
    """The id that a client has of an answer, streamed or not."""
    if "data: " not in answer.text:
        return str(answer.json()["id"])
    events = [json.loads(line[6:]) for line in answer.text.split("\n") if line.startswith("data: {")]
    first = events[0]
    return str(first.get("id") or (first.get("response") or first["message"])["id"])


@pytest.mark.parametrize("path", ASKED)
@pytest.mark.parametrize("stream", [False, True])
async def test_every_answer_can_be_spoken_of_by_the_id_that_its_client_has(
    served: Served, path: str, stream: bool
) -> None:
    more = {"user": "u1"} if "completions" in path else {}
    response = told_id(await served.ask(path, stream=stream, **more))
    said = {"response_id": response, "verdict": "false_alarm", "choice": 1 if "completions" in path else 0}
    headers = {"Authorization": "Bearer one"}
    answer = await served.web.post("/v1/feedback", json=said, headers=headers)
    assert answer.status_code == 200, answer.text
    assert (
        await served.web.post("/v1/feedback", json=said, headers={"Authorization": "Bearer two"})
    ).status_code == 403
    rows = await served.rows(response)
    assert [row.choice for row in rows] == ([0, 1] if "completions" in path else [0])
    assert {row.user_hash for row in rows} == {hashed("u1") if more else None}
    assert {(row.key, row.policy, row.action, row.gate) for row in rows} == {("one", "all", "rewound", "scripted")}


async def test_what_was_taken_back_is_kept_with_its_place(served: Served) -> None:
    answer = await served.ask("/v1/completions", prompt="The town")
    (row,) = await served.rows(answer.json()["id"])
    text = answer.json()["choices"][0]["text"]
    assert (row.text, row.characters) == (text, len(text)) and row.prompt is not None and "The town" in row.prompt
    (span,), (rejected,) = row.spans, row.rejected or []
    assert span["taken_back"] and rejected.strip().startswith("said") and "said" not in text
    assert text[: span["start"]] == " and" * RUDE


async def test_no_more_is_kept_than_the_policy_says(served: Served) -> None:
    (none,) = await served.rows((await served.ask("/v1/completions", "none", prompt="The")).json()["id"])
    assert (none.text, none.prompt, none.rejected, none.action) == (None, None, None, "rewound")
    assert none.characters and none.spans[0]["taken_back"]
    answer = await served.ask("/v1/completions", "released", prompt="The")
    (released,) = await served.rows(answer.json()["id"])
    text = answer.json()["choices"][0]["text"]
    assert (released.text, released.prompt, released.rejected) == (text, None, None)
    (span, *_) = released.spans
    assert not span["taken_back"] and "said" in text[span["start"] : span["end"]] and released.scores["toxicity"] == 0.9
    asked = {"policy": "all", "keep_text": "none"}
    (less,) = await served.rows((await served.ask("/v1/completions", prompt="The", detox=asked)).json()["id"])
    assert less.text is None


async def test_an_answer_that_nobody_judged_has_a_record_without_text(served: Served) -> None:
    response = told_id(await served.ask("/v1/completions", "off", prompt="The", stream=True))
    (row,) = await served.rows(response)
    assert (row.action, row.text, row.characters, row.margin) == ("unguarded", None, None, None)


async def test_an_answer_whose_reader_left_is_kept_as_far_as_it_went(served: Served) -> None:
    body = {"model": "unsay-mini", "prompt": "The", "max_tokens": 400, "stream": True, "detox": {"policy": "all"}}
    heard: list[bytes] = []
    incoming = [{"type": "http.request", "body": json.dumps(body).encode()}]
    web: Any = served.web._transport

    async def receive() -> Any:
        return incoming.pop() if incoming else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        heard.append(message.get("body", b""))

    headers = [(b"authorization", b"Bearer one"), (b"content-type", b"application/json"), (b"x-request-id", b"left")]
    scope = {"type": "http", "method": "POST", "path": "/v1/completions", "query_string": b"", "headers": headers}
    await web.app({**scope, "http_version": "1.1", "scheme": "http", "root_path": ""}, receive, send)
    rows = await served.rows("cmpl-left")
    assert len(rows) <= 1 and all((row.characters or 0) > 0 for row in rows)
