"""What other people's clients can see of the guard without knowing of it: moderation, heads, Azure, models."""

from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest
from openai import AzureOpenAI, OpenAI

from server.api.answer import REFUSAL
from tests.journeys.test_failures import ready, until
from tests.live.servers import Servers
from tests.live.wire import PROMPT

MESSAGES: Any = [{"role": "user", "content": PROMPT}]
BLOCKING: Any = {"model": "omni-moderation-latest", "policy": {"input": {"mode": "block"}, "output": {"mode": "block"}}}
SCORING: Any = {"model": "omni-moderation-latest"}
WORD = "zebra"
HOSTILE: Any = [{"role": "user", "content": f"Tell me of the {WORD} in the town."}]
DETOX = {"extra_body": {"detox": {"policy": "no-rewinds"}}}
VOWELS = tuple("aeiou")


@pytest.fixture(scope="module")
def azure(servers: Servers) -> Iterator[AzureOpenAI]:
    """Azure's client of our server."""
    with AzureOpenAI(
        azure_endpoint=servers.guarded, api_key="none", api_version="2024-10-21", max_retries=0, timeout=60
    ) as client:
        yield client


def test_a_chat_that_asks_for_moderation_is_told_of_both_sides(servers: Servers, client: OpenAI) -> None:
    ask: Any = {"model": servers.model, "messages": HOSTILE, "max_tokens": 8, "n": 2, "moderation": SCORING}
    with servers.scorer.flagging(WORD):
        found = client.chat.completions.create(**ask).moderation
    assert found is not None
    assert found.input.type == found.output.type == "moderation_results"
    assert [result.flagged for result in found.input.results] == [True]
    assert found.input.results[0].category_scores["harassment"] == 0.95
    assert [result.flagged for result in found.output.results] == [False, False]


@pytest.mark.parametrize("asked", [SCORING, BLOCKING])
def test_in_a_stream_the_last_chunk_tells_it(servers: Servers, client: OpenAI, asked: Any) -> None:
    with servers.scorer.flagging(WORD):
        stream = client.chat.completions.create(
            model=servers.model,
            messages=MESSAGES,
            max_tokens=8,
            stream=True,
            stream_options={"include_usage": True},
            moderation=asked,
        )
        *others, last = stream
    assert last.moderation is not None and last.choices == [] and last.id == others[0].id
    assert not any(chunk.moderation for chunk in others)
    assert (last.moderation.input.type, last.moderation.output.type) == ("moderation_results", "moderation_results")


def test_a_prompt_that_is_to_be_blocked_is_blocked_before_anything_is_streamed(
    servers: Servers, client: OpenAI
) -> None:
    ask: Any = {"model": servers.model, "messages": HOSTILE, "max_tokens": 8, "moderation": BLOCKING}
    with (
        servers.closed(),
        servers.scorer.flagging(WORD),
        client.chat.completions.stream(**ask) as stream,
        pytest.raises(openai.ContentFilterFinishReasonError) as caught,
    ):
        stream.until_done()
        stream.get_final_completion()
    completion: Any = caught.value.completion
    (choice,) = completion.choices
    assert choice.finish_reason == "content_filter" and not choice.message.content


def test_flagged_text_that_a_policy_would_let_out_is_blocked(servers: Servers, client: OpenAI) -> None:
    ask: Any = {
        "model": servers.model,
        "messages": MESSAGES,
        "max_tokens": 16,
        "temperature": 0,
        "moderation": BLOCKING,
    }
    detox = {"detox": {"policy": "flag"}}
    with servers.scorer.flagging(*VOWELS):
        said = client.chat.completions.create(**ask, extra_body=detox)
    assert said.choices[0].finish_reason == "content_filter"
    assert said.moderation is not None and said.moderation.output.type == "moderation_results"
    assert said.moderation.output.results[0].flagged


@pytest.mark.parametrize("stream", [False, True])
def test_a_response_tells_it_as_its_client_reads_it(servers: Servers, client: OpenAI, stream: bool) -> None:
    ask: Any = {
        "model": servers.model,
        "input": PROMPT,
        "max_output_tokens": 16,
        "temperature": 0,
        "moderation": BLOCKING,
        **DETOX,
    }
    with servers.scorer.flagging(*VOWELS):
        said: Any = client.responses.create(**ask, stream=stream)
        final = list(said)[-1].response if stream else said
    assert final.status == "incomplete" and final.moderation is not None
    assert (final.moderation.input.type, final.moderation.input.flagged) == ("moderation_result", True)
    assert final.moderation.output.flagged


def test_where_there_was_no_verdict_moderation_says_error(servers: Servers, client: OpenAI) -> None:
    ask: Any = {"model": servers.model, "messages": MESSAGES, "max_tokens": 8, "temperature": 0, "moderation": SCORING}
    with servers.scorer.flagging() as scorer:
        scorer.fail(99)
        said = client.chat.completions.create(**ask, extra_body={"detox": {"policy": "fail-open"}})
    until(lambda: ready(servers))
    assert said.choices[0].message.content
    assert said.moderation is not None
    assert (said.moderation.input.type, said.moderation.output.type) == ("error", "error")


def test_a_mistyped_moderation_is_refused(servers: Servers, client: OpenAI) -> None:
    asked: Any = {"model": "m", "policy": {"input": {"mode": "stop"}}}
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=servers.model, messages=MESSAGES, moderation=asked)
    assert caught.value.param == "moderation.policy.input.mode"


@pytest.mark.parametrize(("words", "action"), [(("zzz",), "clean"), (VOWELS, "refused")])
def test_the_head_of_a_whole_answer_tells_what_the_guard_did(
    servers: Servers, client: OpenAI, words: tuple[str, ...], action: str
) -> None:
    ask: Any = {"model": servers.model, "messages": MESSAGES, "max_tokens": 16, "temperature": 0, **DETOX}
    with servers.scorer.flagging(*words):
        raw = client.chat.completions.with_raw_response.create(**ask)
    assert (raw.headers["x-detox-action"], raw.headers["x-detox-policy"]) == (action, "no-rewinds")


def test_a_model_is_retrieved(servers: Servers, client: OpenAI) -> None:
    assert client.models.retrieve(servers.model).id == servers.model
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("org/other")
    assert caught.value.param == "model"


@pytest.mark.parametrize(("words", "filtered"), [(("zzz",), False), (VOWELS, True)])
def test_azures_client_reads_what_was_filtered(
    servers: Servers, azure: AzureOpenAI, words: tuple[str, ...], filtered: bool
) -> None:
    ask: Any = {"model": servers.model, "messages": MESSAGES, "max_tokens": 16, "temperature": 0, **DETOX}
    with servers.scorer.flagging(*words):
        whole: Any = azure.chat.completions.create(**ask).choices[0]
        last: Any = [chunk for chunk in azure.chat.completions.create(**ask, stream=True) if chunk.choices][-1].choices[
            0
        ]
    for choice in (whole, last):
        assert (choice.finish_reason == "content_filter") is filtered
        assert any(each["filtered"] for each in choice.content_filter_results.values()) is filtered


def test_azures_client_asks_the_other_routes_too(servers: Servers, azure: AzureOpenAI) -> None:
    with servers.scorer.flagging("zzz"):
        assert azure.completions.create(model=servers.model, prompt=PROMPT, max_tokens=8, temperature=0).choices[0].text
        assert azure.responses.create(model=servers.model, input=PROMPT, max_output_tokens=8, temperature=0).output_text
    assert azure.models.retrieve(servers.model).id == servers.model
    with pytest.raises(openai.NotFoundError):
        azure.chat.completions.create(model="org/other", messages=MESSAGES)


def test_a_deployment_counts_whatever_model_is_asked_for(servers: Servers) -> None:
    with (
        servers.scorer.flagging("zzz"),
        AzureOpenAI(
            azure_endpoint=servers.guarded, azure_deployment=servers.model, api_key="none", api_version="2024-10-21"
        ) as azure,
    ):
        assert azure.chat.completions.create(model="gpt-4o", messages=MESSAGES, max_tokens=4).model == servers.model


def test_a_message_that_was_withheld_says_so_in_words(servers: Servers) -> None:
    ask: Any = {"model": servers.model, "max_tokens": 8, "messages": MESSAGES}
    ask["extra_body"] = {"detox": {"policy": "no-rewinds"}, "temperature": 0}
    with servers.scorer.flagging(*VOWELS), anthropic.Anthropic(base_url=servers.guarded, api_key="none") as client:
        whole = client.messages.create(**ask)
        with client.messages.stream(**ask) as stream:
            text = "".join(stream.text_stream)
            final = stream.get_final_message()
    for message in (whole, final):
        (block,) = message.content
        assert (message.stop_reason, block.type) == ("refusal", "text")
        assert block.to_dict()["text"] == REFUSAL
    assert text == REFUSAL
