"""Other people's clients read our answers: the openai and anthropic libraries, typed and streamed."""

import json
from typing import Any

import anthropic
import httpx
import pytest
from openai import OpenAI

from tests.live.servers import Servers
from tests.live.wire import PROMPT

MESSAGES: Any = [{"role": "user", "content": PROMPT}]


def test_a_chat_stream_ends_with_content_filter(servers: Servers, client: OpenAI) -> None:
    with servers.scorer.flagging(*"aeiou"):
        stream = client.chat.completions.create(
            model=servers.model,
            messages=MESSAGES,
            max_tokens=32,
            temperature=0,
            stream=True,
            extra_body={"detox": {"policy": "no-rewinds"}},
        )
        choices = [choice for chunk in stream for choice in chunk.choices]
    assert choices[-1].finish_reason == "content_filter"
    assert "".join(choice.delta.content or "" for choice in choices) == ""
    assert (choices[-1].model_extra or {})["detox"]["action"] == "refused"


def test_a_response_that_was_withheld_is_incomplete(servers: Servers, client: OpenAI) -> None:
    with servers.scorer.flagging(*"aeiou"):
        stream = client.responses.create(
            model=servers.model,
            input=PROMPT,
            max_output_tokens=32,
            temperature=0,
            stream=True,
            extra_body={"detox": {"policy": "no-rewinds"}},
        )
        said = list(stream)
    assert [event.sequence_number for event in said] == list(range(len(said)))
    last = said[-1]
    assert last.type == "response.incomplete"
    assert last.response.status == "incomplete"
    assert last.response.incomplete_details is not None
    assert last.response.incomplete_details.reason == "content_filter"
    assert last.response.output_text == ""


def test_a_response_that_is_clean_is_complete(servers: Servers, client: OpenAI) -> None:
    with (
        servers.scorer.flagging("zzz"),
        client.responses.stream(model=servers.model, input=PROMPT, max_output_tokens=24, temperature=0) as stream,
    ):
        deltas = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        final = stream.get_final_response()
    assert final.output_text == deltas != ""
    assert (final.model_extra or {})["detox"]["action"] == "clean"


@pytest.mark.parametrize(
    ("words", "tokens", "reason", "action"),
    [(("zzz",), 2, "max_tokens", "clean"), (tuple("aeiou"), 16, "refusal", "refused")],
)
def test_anthropics_client_reads_messages(
    servers: Servers, words: tuple[str, ...], tokens: int, reason: str, action: str
) -> None:
    with servers.scorer.flagging(*words), anthropic.Anthropic(base_url=servers.guarded, api_key="none") as client:
        ask: Any = {"model": servers.model, "max_tokens": tokens, "messages": MESSAGES}
        detox = {"detox": {"policy": "no-rewinds"}, "temperature": 0}
        whole = client.messages.create(**ask, extra_body=detox)
        with client.messages.stream(**ask, extra_body=detox) as stream:
            text = "".join(stream.text_stream)
            final = stream.get_final_message()
    assert (whole.stop_reason, final.stop_reason) == (reason, reason)
    assert "".join(block.text for block in final.content if block.type == "text") == text
    assert action == "refused" or not any(word in text for word in words)
    assert (whole.model_extra or {})["detox"]["action"] == action


def without_white_space(servers: Servers) -> dict[str, int]:
    """The bundled model would fill its JSON with line ends."""
    tokenizer = servers.tokenizer
    return {str(token): -100 for token in range(len(tokenizer)) if tokenizer.decode([token]).isspace()}


def test_a_tool_call_is_read_as_one(servers: Servers, client: OpenAI) -> None:
    parameters = {"type": "object", "properties": {}, "additionalProperties": False}
    tool: Any = {"type": "function", "function": {"name": "count", "parameters": parameters, "strict": True}}
    named: Any = {"type": "function", "function": {"name": "count"}}
    ask: Any = {"max_tokens": 80, "temperature": 0, "logit_bias": without_white_space(servers)}
    with servers.scorer.flagging("zzz"):
        answer = client.chat.completions.create(
            model=servers.model, messages=MESSAGES, tools=[tool], tool_choice=named, **ask
        )
    choice: Any = answer.choices[0]
    assert choice.message.tool_calls, choice
    assert choice.message.tool_calls[0].function.name == "count"
    assert json.loads(choice.message.tool_calls[0].function.arguments) == {}


def test_a_request_id_of_the_client_names_the_answer(servers: Servers) -> None:
    headers = {"X-Request-Id": "mine-7"}
    body = {"model": servers.model, "prompt": PROMPT, "max_tokens": 4, "n": 2, "detox": {"policy": "small"}}
    answer = httpx.post(servers.guarded + "/v1/completions", json=body, headers=headers)
    assert answer.json()["id"] == "cmpl-mine-7"
