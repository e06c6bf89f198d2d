"""What is flagged is taken back and written anew, on every route; what cannot be is withheld, and that is said."""

import json
import re
from typing import Any

import pytest

from tests.live.answers import Told, told
from tests.live.policies import RUNGS
from tests.live.servers import Servers
from tests.live.wire import JSON, PATHS, asking, events, post

STREAMED = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
ON_EVERY_ROUTE = pytest.mark.parametrize("route", PATHS)
REFUSED = {"responses": "content_filter", "messages": "refusal"}
FORMAT = {
    "type": "json_schema",
    "json_schema": {
        "name": "town",
        "schema": {
            "type": "object",
            "properties": {"name": {"type": "string", "maxLength": 20}},
            "required": ["name"],
            "additionalProperties": False,
        },
    },
}


def answer(servers: Servers, route: str, policy: str, *, stream: bool, **more: Any) -> Told:
    options: JSON = {"stream_options": {"include_usage": True}} if stream and "messages" not in route else {}
    options = {} if route == "responses" else options
    body = asking(route, servers.model, detox={"policy": policy}, stream=stream, **{"seed": 11, **more}, **options)
    if route == "messages":  # Anthropic's API has no seed
        body |= {"temperature": 0}
        body.pop("seed")
    return told(route, post(servers.guarded, route, body))


@STREAMED
@ON_EVERY_ROUTE
@pytest.mark.parametrize("temperature", [0, 1])
def test_a_flagged_word_is_rewound(servers: Servers, route: str, stream: bool, temperature: float) -> None:
    with servers.scorer.flagging():
        clean = answer(servers, route, "patient", stream=stream, temperature=temperature, tokens=40).texts[0]
    word = max(re.findall("[a-z]+", clean), key=len)
    with servers.scorer.flagging(word):
        said = answer(servers, route, "patient", stream=stream, temperature=temperature, tokens=40)
    assert said.actions == ["rewound"]
    (report,) = said.reports
    assert report["rewinds"] > 0 and report["spans_flagged"] == report["rewinds"]
    assert report["tokens_generated"] == report["tokens_discarded"] + said.tokens
    assert word not in said.texts[0].lower() and said.texts[0]
    assert said.tokens > 1


@STREAMED
@pytest.mark.parametrize("temperature", [0, 1])
@pytest.mark.parametrize("rung", RUNGS)
def test_every_rung_gets_there_by_itself(servers: Servers, rung: str, stream: bool, temperature: float) -> None:
    with servers.scorer.flagging("the"):
        said = answer(servers, "completions", f"only-{rung}", stream=stream, temperature=temperature, tokens=40)
    (report,) = said.reports
    assert "the" not in said.texts[0].lower()
    assert report["tokens_generated"] == report["tokens_discarded"] + said.tokens
    if said.actions == ["rewound"]:
        assert report["strategies"] == [rung] and report["rewinds"] > 0
    else:  # the model may say it again as often as it is asked
        assert said.actions in (["clean"], ["refused"])


@STREAMED
@pytest.mark.parametrize("route", ["completions", "chat"])
def test_every_choice_is_rewound_by_itself(servers: Servers, route: str, stream: bool) -> None:
    with servers.scorer.flagging("the"):
        said = answer(servers, route, "patient", stream=stream, n=3, tokens=40)
    assert len(said.texts) == 3
    assert all("the" not in text.lower() for text in said.texts)
    assert sum(report["rewinds"] for report in said.reports) > 0
    released = sum(report["tokens_generated"] - report["tokens_discarded"] for report in said.reports)
    assert released == said.tokens


@STREAMED
@ON_EVERY_ROUTE
def test_an_answer_flagged_from_its_first_word_is_refused(servers: Servers, route: str, stream: bool) -> None:
    with servers.scorer.flagging(*"aeiou"):
        said = answer(servers, route, "no-rewinds", stream=stream, temperature=0)
    assert said.texts == [""]
    assert said.endings == [REFUSED.get(route, "content_filter")]
    assert said.actions == ["refused"]
    assert said.tokens == 0


@STREAMED
def test_every_refused_choice_says_so(servers: Servers, stream: bool) -> None:
    with servers.scorer.flagging(*"aeiou"):
        said = answer(servers, "chat", "no-rewinds", stream=stream, n=3)
    assert said.endings == ["content_filter"] * 3


@STREAMED
@ON_EVERY_ROUTE
def test_a_refusal_after_some_text_keeps_the_clean_text(servers: Servers, route: str, stream: bool) -> None:
    with servers.scorer.flagging():
        clean = answer(servers, route, "no-rewinds", stream=stream, temperature=0, tokens=40).texts[0]
    word = max((word for word in clean.split() if len(word) > 1), key=clean.index)  # new as late as any
    with servers.scorer.flagging(word):
        said = answer(servers, route, "truncate", stream=stream, temperature=0, tokens=40)
    assert clean.startswith(said.texts[0]) and word not in said.texts[0]
    assert said.endings == [REFUSED.get(route, "content_filter")]
    assert said.actions == ["truncated"]


@STREAMED
@pytest.mark.parametrize(
    ("policy", "action", "shown"),
    [("mask", "masked", "[gone]"), ("flag", "flagged", "town"), ("monitor", "flagged", "town")],
)
def test_other_policies_go_on_in_their_own_way(
    servers: Servers, policy: str, action: str, shown: str, stream: bool
) -> None:
    scores: JSON = {"temperature": 0, "logprobs": 1, "logit_bias": {}, "ignore_eos": True}
    body = asking("completions", servers.model, stream=stream, **scores, detox={"policy": policy})
    with servers.scorer.flagging("town"):
        if policy == "flag":
            body["logit_bias"] = town_only(servers)
        answered = post(servers.guarded, "completions", body, authorization="Bearer may-loosen")
    said = told("completions", answered)
    assert shown in said.texts[0]
    assert said.actions == [action]
    assert said.endings == ["length"]


def town_only(servers: Servers) -> JSON:
    """A bias that makes the model write one word over and over."""
    tokens = post(servers.guarded, "/tokenize", {"model": servers.model, "prompt": " town"}).json()["tokens"]
    assert len(tokens) == 1
    return {str(tokens[0]): 100}


@STREAMED
@pytest.mark.parametrize("kind", ["json", "tool"])
def test_flagged_json_is_whole_or_withheld(servers: Servers, kind: str, stream: bool) -> None:
    tool = {"type": "function", "function": {"name": "t", "parameters": FORMAT["json_schema"]["schema"]}}  # type: ignore[index]
    named = {"tools": [tool], "tool_choice": {"type": "function", "function": {"name": "t"}}}
    wish: JSON = named if kind == "tool" else {"response_format": FORMAT}
    with servers.scorer.flagging("e"):
        body = asking("chat", servers.model, tokens=60, stream=stream, seed=1, **wish, detox={"policy": "small"})
        raw = post(servers.guarded, "chat", body)
    (choice,) = told_choices(raw, stream)
    text = choice["text"]
    if choice["finish_reason"] not in ("content_filter", "length"):
        json.loads(text)
    assert "e" not in text.replace('"name"', "")


def told_choices(raw: Any, stream: bool) -> list[JSON]:
    """Content or tool arguments of each choice, and how it ended."""
    from tests.live.wire import folded

    assert raw.status_code == 200, raw.text
    choices = list(folded(events(raw.text))["choices"].values()) if stream else raw.json()["choices"]
    found = []
    for choice in choices:
        message = choice.get("message") or choice["delta"]
        calls = message.get("tool_calls") or []
        text = "".join(call["function"]["arguments"] for call in calls) or message.get("content") or ""
        found.append({"text": text, "finish_reason": choice["finish_reason"]})
    return found
