"""A traced stream, as OpenAI's client and a reader of comments find it."""

import json
from typing import Any

import httpx
import pytest
from openai import OpenAI

from tests.live.servers import Servers

TRACED = {"detox": {"policy": "patient", "trace": True}}
WORDS = ("the", "was")


def completed(client: OpenAI, model: str, detox: dict[str, Any]) -> str:
    body: dict[str, Any] = {"model": model, "prompt": "The old church", "max_tokens": 24, "seed": 5, "n": 2}
    chunks = list(client.completions.create(**body, stream=True, extra_body=detox))
    assert all(chunk.choices for chunk in chunks)
    return "".join(choice.text for chunk in chunks for choice in chunk.choices if choice.index == 0)


def test_openais_client_reads_what_it_would_have_read(servers: Servers, client: OpenAI) -> None:
    with servers.scorer.flagging("church"):
        plain = completed(client, servers.model, {"detox": {"policy": "patient"}})
        assert plain and completed(client, servers.model, TRACED) == plain


@pytest.mark.parametrize("route", ["completions", "chat/completions"])
def test_every_token_is_accounted_for(servers: Servers, route: str) -> None:
    asked = {"messages": [{"role": "user", "content": "Hi"}]} if "chat" in route else {"prompt": "The old church"}
    body = {"model": servers.model, "stream": True, "max_tokens": 24, "seed": 3, "n": 2, **asked, **TRACED}
    with servers.scorer.flagging(*WORDS):
        lines = httpx.post(f"{servers.guarded}/v1/{route}", json=body, timeout=60).text.split("\n")
    events = [json.loads(line.removeprefix(": detox ")) for line in lines if line.startswith(": detox ")]
    for choice in (0, 1):
        mine = [event for event in events if event["choice"] == choice]
        end = mine[-1]
        assert end["event"] == "end" and [event["at"] for event in mine] == sorted(event["at"] for event in mine)
        drawn = sum(event["to"] - event["from"] for event in mine if event["event"] == "drafted")
        rewinds = [event for event in mine if event["event"] == "rewind"]
        assert len(rewinds) == end["report"]["rewinds"]
        assert 0 < drawn <= end["report"]["tokens_generated"], "candidates that lost were drawn, too"
        released = [event for event in mine if event["event"] == "released"]
        kept = released[-1]["to"] if released else 0
        assert kept == end["report"]["tokens_generated"] - end["report"]["tokens_discarded"]
