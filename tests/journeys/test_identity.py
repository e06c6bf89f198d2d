"""Promise 3: where nothing is flagged, the answer is plain vLLM's, whatever was asked for."""

from typing import Any

import pytest

from tests.live.servers import Servers
from tests.live.wire import JSON, asking, events, folded, meaning, post

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 12}, "age": {"type": "integer", "maximum": 99}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
TOOL = {"type": "function", "function": {"name": "book_table", "parameters": SCHEMA}}
NAMED = {"type": "function", "function": {"name": "book_table"}}
FORMAT = {"type": "json_schema", "json_schema": {"name": "person", "schema": SCHEMA}}

SAMPLING: dict[str, JSON] = {
    "greedy": {"temperature": 0},
    "seeded": {"temperature": 0.9, "seed": 7},
}
COMPLETIONS: dict[str, JSON] = {
    "bare": {},
    "logprobs": {"logprobs": 3},
    "stop": {"stop": ["in ", "."]},
    "stop-kept": {"stop": [" of"], "include_stop_str_in_output": True},
    "echo": {"echo": True, "logprobs": 1},
    "echo-only": {"echo": True, "max_tokens": 0},
    "logit-bias": {"logit_bias": {"11": 5, "262": -100}},
    "min-tokens": {"min_tokens": 20, "stop": ["a"]},
    "penalties": {"frequency_penalty": 0.8, "presence_penalty": 0.4, "repetition_penalty": 1.1},
    "token-ids": {"return_token_ids": True},
    "json": {"response_format": FORMAT, "max_tokens": 60},
    "two-prompts": {"prompt": ["The town", "I need a restaurant"], "logprobs": 1},
    "bad-words": {"bad_words": ["the"]},
}
CHAT: dict[str, JSON] = {
    "bare": {},
    "logprobs": {"logprobs": True, "top_logprobs": 4},
    "stop": {"stop": "e "},
    "named-tool": {"tools": [TOOL], "tool_choice": NAMED, "max_tokens": 60},
    "required-tool": {"tools": [TOOL], "tool_choice": "required", "max_tokens": 80},
    "auto-tool": {"tools": [TOOL], "tool_choice": "auto"},
    "json": {"response_format": FORMAT, "max_tokens": 60},
    "token-ids": {"return_token_ids": True},
    "label-tokens": {"logprobs": True, "logprob_token_ids": [11, 262, 300]},
}
CASES = [("completions", name, body) for name, body in COMPLETIONS.items()]
CASES += [("chat", name, body) for name, body in CHAT.items()]


def fresh(servers: Servers, base: str, route: str, body: JSON) -> Any:
    """The answer of one server with an empty prefix cache: what is cached changes the last digits of logprobs."""
    assert servers.forget_prefixes()
    return post(base, route, body)


def both(servers: Servers, route: str, body: JSON) -> tuple[Any, Any]:
    """Our answer and plain vLLM's, while a scorer that clears everything is asked for real."""
    with servers.scorer.flagging() as scorer:
        ours = fresh(servers, servers.guarded, route, body | {"detox": {"policy": "small"}})
        plain = fresh(servers, servers.plain, route, body)
    assert ours.status_code == plain.status_code == 200, (ours.text, plain.text)
    assert scorer.passes > 0
    return ours, plain


@pytest.mark.parametrize("sampling", SAMPLING)
@pytest.mark.parametrize(("route", "name", "more"), CASES, ids=[f"{route}-{name}" for route, name, _ in CASES])
def test_an_answer_in_one_piece_is_plain_vllms(
    servers: Servers, route: str, name: str, more: JSON, sampling: str
) -> None:
    body = asking(route, servers.model, **SAMPLING[sampling]) | more
    ours, plain = both(servers, route, body)
    assert meaning(ours.json()) == meaning(plain.json())
    assert all("detox" in choice for choice in ours.json()["choices"])


@pytest.mark.parametrize("sampling", SAMPLING)
@pytest.mark.parametrize(("route", "name", "more"), CASES, ids=[f"{route}-{name}" for route, name, _ in CASES])
def test_a_stream_put_together_is_plain_vllms(
    servers: Servers, route: str, name: str, more: JSON, sampling: str
) -> None:
    options = {"stream": True, "stream_options": {"include_usage": True}}
    body = asking(route, servers.model, **SAMPLING[sampling]) | more | options
    ours, plain = both(servers, route, body)
    assert meaning(folded(events(ours.text))) == meaning(folded(events(plain.text)))
    assert ours.text.endswith("data: [DONE]\n\n")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("route", ["completions", "chat"])
def test_every_one_of_three_choices_is_plain_vllms(servers: Servers, route: str, stream: bool) -> None:
    logprobs: JSON = {"logprobs": 2} if route == "completions" else {"logprobs": True, "top_logprobs": 2}
    body = asking(route, servers.model, n=3, seed=3, stream=stream, **logprobs)
    ours, plain = both(servers, route, body)
    if stream:
        assert meaning(folded(events(ours.text))) == meaning(folded(events(plain.text)))
    else:
        assert meaning(ours.json()) == meaning(plain.json())
        assert len({choice["detox"]["tokens_generated"] for choice in ours.json()["choices"]}) >= 1


@pytest.mark.parametrize("sampling", SAMPLING)
def test_a_response_is_plain_vllms(servers: Servers, sampling: str) -> None:
    ours, plain = both(servers, "responses", asking("responses", servers.model, **SAMPLING[sampling]))
    assert meaning(ours.json()) == meaning(plain.json())


def test_a_streamed_response_is_plain_vllms(servers: Servers) -> None:
    body = asking("responses", servers.model, temperature=0, stream=True)
    ours, plain = (events(answer.text) for answer in both(servers, "responses", body))
    for kind in ("response.output_text.done", "response.completed"):
        (mine,), (theirs,) = ([event for event in answer if event["type"] == kind] for answer in (ours, plain))
        assert meaning(mine) | {"sequence_number": 0} == meaning(theirs) | {"sequence_number": 0}
    assert [event["sequence_number"] for event in ours] == list(range(len(ours)))


@pytest.mark.parametrize("stream", [False, True])
def test_a_message_is_plain_vllms(servers: Servers, stream: bool) -> None:
    body = asking("messages", servers.model, temperature=0, stream=stream)
    ours, plain = both(servers, "messages", body)
    if not stream:
        assert meaning(ours.json()) == meaning(plain.json())
        return
    written = ["".join(e["delta"].get("text", "") for e in events(a.text) if "delta" in e) for a in (ours, plain)]
    assert written[0] == written[1] != ""
    ends = [[e for e in events(answer.text) if e["type"] == "message_delta"] for answer in (ours, plain)]
    assert meaning(ends[0]) == meaning(ends[1])
