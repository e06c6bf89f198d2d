"""The edges of an answer on the real engine: its first word, its last token, and what ends it."""

import json
from typing import Any

import httpx
import pytest

from tests.live.servers import Servers
from tests.live.wire import JSON, events, folded, post, texts

WORD = "river"
KINDS: tuple[JSON, ...] = ({}, {"stream": True})
NO_REWINDS: JSON = {"policy": "no-rewinds", "report": False}


def completion(servers: Servers, body: JSON) -> tuple[httpx.Response, JSON]:
    """The answer as it came, and its only choice, put together if it was a stream."""
    answer = post(servers.guarded, "completions", {"model": servers.model, **body})
    assert answer.status_code == 200, answer.text
    if body.get("stream"):
        return answer, folded(events(answer.text))["choices"][0]
    return answer, answer.json()["choices"][0]


def token_of(servers: Servers, text: str) -> int:
    (token,) = servers.tokenizer.encode(text, add_special_tokens=False)
    return int(token)


def spelled(servers: Servers, answer: Any) -> str:
    """All that an answer's ids and strings can be read as, each after the other."""
    ids = [value for value in _numbers(answer) if 0 <= value < len(servers.tokenizer)]
    return str(servers.tokenizer.decode(ids)).lower() + " | " + " | ".join(texts(answer)).lower()


def _numbers(answer: Any) -> list[int]:
    if isinstance(answer, dict):
        return [number for value in answer.values() for number in _numbers(value)]
    if isinstance(answer, list):
        return [number for value in answer for number in _numbers(value)]
    if isinstance(answer, str) and answer.startswith("token_id:"):
        return [int(answer.removeprefix("token_id:"))]
    return [answer] if isinstance(answer, int) and not isinstance(answer, bool) else []


@pytest.mark.parametrize("stop", ["Observation:", "Z" * 68])
def test_a_stop_string_longer_than_the_text_sends_nothing_twice(servers: Servers, stop: str) -> None:
    body = {"prompt": "The history of the city", "max_tokens": 60, "seed": 2, "stop": [stop]}
    with servers.scorer.flagging():
        _, whole = completion(servers, body)
        _, stream = completion(servers, body | {"stream": True})
    assert stream["text"] == whole["text"] != ""


@pytest.mark.parametrize("length", [10, 39, 68])
def test_a_stop_string_that_never_comes_lets_nothing_flagged_out(servers: Servers, length: int) -> None:
    said = f"Good day to you and the {WORD} and the church, go away now to the next place"
    body = {"prompt": "Hi", "structured_outputs": {"choice": [said]}, "max_tokens": 200, "stop": ["Z" * length]}
    with servers.scorer.flagging(WORD, seconds=0.02):
        answer, choice = completion(servers, body | {"stream": True, "detox": NO_REWINDS})
    assert WORD not in answer.text and choice["finish_reason"] == "content_filter"
    assert said.startswith(choice["text"])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stop", ["Final Answer:", "at ten in the morning", "Berkeley leaves"])
def test_a_stop_string_of_several_words_ends_the_text(servers: Servers, stop: str, kind: JSON) -> None:
    said = "The train to Berkeley leaves at ten in the morning and Final Answer: it is on time today"
    body = {"prompt": "Hi", "structured_outputs": {"choice": [said]}, "max_tokens": 200, "stop": [stop], **kind}
    with servers.scorer.flagging():
        for policy in ("default", "small"):
            _, choice = completion(servers, body | {"detox": {"policy": policy}})
            assert (choice["text"], choice["finish_reason"]) == (said[: said.index(stop)], "stop")
            assert choice["stop_reason"] == stop


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("more", [{}, {"max_tokens": 1}, {"return_tokens_as_token_ids": True}, {"ignore_eos": True}])
def test_a_stop_token_is_judged_though_it_is_not_in_the_text(servers: Servers, more: JSON, kind: JSON) -> None:
    token = token_of(servers, f" {WORD}")
    forced: JSON = {"logit_bias": {str(token): 100}, "stop_token_ids": [token], "temperature": 0}
    shown = {"logprobs": 0, "return_token_ids": True, "max_tokens": 8}
    body = {"prompt": "They came to the", **forced, **shown, **more, **kind}
    with servers.scorer.flagging(WORD):
        answer, _ = completion(servers, body | {"detox": NO_REWINDS})
    read = events(answer.text) if kind else [answer.json()]
    own = [choice for event in read for choice in event["choices"]]
    for choice in own:
        choice.pop("prompt_token_ids", None)
    assert WORD not in spelled(servers, own)


def test_a_stop_token_that_is_clean_leaves_as_plain_vllms_does(servers: Servers) -> None:
    token = token_of(servers, f" {WORD}")
    body: JSON = {"prompt": "They came to the", "logit_bias": {str(token): 100}, "stop_token_ids": [token]}
    body |= {"temperature": 0, "logprobs": 2, "return_token_ids": True, "max_tokens": 8}
    with servers.scorer.flagging():
        _, ours = completion(servers, body)
    plain = post(servers.plain, "completions", {"model": servers.model, **body}).json()["choices"][0]
    assert {key: ours[key] for key in plain} == plain and ours["stop_reason"] == token


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_stop_string_cuts_off_is_judged(servers: Servers, kind: JSON) -> None:
    forced = {"logit_bias": {str(token_of(servers, f" {WORD}")): 100}, "temperature": 0}
    body = {"prompt": "They came to the", "max_tokens": 9, "stop": [WORD[:2]], "logprobs": 1, **forced, **kind}
    with servers.scorer.flagging(WORD):
        answer, choice = completion(servers, body | {"return_token_ids": True, "detox": NO_REWINDS})
    assert choice["finish_reason"] == "content_filter" and choice.get("stop_reason") is None
    assert WORD not in answer.text and WORD not in spelled(servers, [choice["token_ids"]])


@pytest.mark.parametrize("kind", KINDS)
def test_tokens_in_tokens_out_shows_no_stop_token_that_is_flagged(servers: Servers, kind: JSON) -> None:
    token = token_of(servers, f" {WORD}")
    prompt = post(servers.guarded, "/tokenize", {"model": servers.model, "prompt": "They came to the"}).json()["tokens"]
    params = {"temperature": 0, "max_tokens": 8, "logit_bias": {str(token): 100}, "stop_token_ids": [token]}
    body = {"model": servers.model, "token_ids": prompt, "sampling_params": params, "detox": NO_REWINDS, **kind}
    with servers.scorer.flagging(WORD):
        answer = post(servers.guarded, "/inference/v1/generate", body)
    read = [json.loads(line.removeprefix("data: ")) for line in answer.text.split("\n") if "{" in line]
    assert read and WORD not in spelled(servers, [event["choices"] for event in read])


@pytest.mark.parametrize("kind", KINDS)
def test_a_word_that_begins_in_the_prompt_is_judged_whole(servers: Servers, kind: JSON) -> None:
    body = {
        "prompt": f"They came to the {WORD[:3]}",
        "structured_outputs": {"choice": [WORD[3:]]},
        "echo": True,
        **kind,
    }
    with servers.scorer.flagging(WORD):
        answer, choice = completion(servers, body | {"max_tokens": 20, "detox": NO_REWINDS, **kind})
    assert WORD not in choice["text"] and choice["finish_reason"] == "content_filter", answer.text


def test_a_word_that_begins_in_a_prefill_is_judged_whole(servers: Servers) -> None:
    turns = [{"role": "user", "content": "Where to?"}, {"role": "assistant", "content": f"To the {WORD[:3]}"}]
    body = {"model": servers.model, "messages": turns, "continue_final_message": True, "add_generation_prompt": False}
    body |= {"structured_outputs": {"choice": [WORD[3:]]}, "max_tokens": 20, "detox": NO_REWINDS}
    with servers.scorer.flagging(WORD):
        (choice,) = post(servers.guarded, "chat", body).json()["choices"]
    assert choice["finish_reason"] == "content_filter" and not choice["message"]["content"]


def test_the_logprobs_of_a_mask_are_readable(servers: Servers) -> None:
    body = {"prompt": "Hi", "logit_bias": {str(token_of(servers, f" {WORD}")): 100}, "max_tokens": 12, "logprobs": 1}
    with servers.scorer.flagging(WORD):
        _, choice = completion(servers, body | {"temperature": 0, "detox": {"policy": "mask"}})
    assert "[gone]" in choice["text"]
    logprobs = choice["logprobs"]
    assert "".join(logprobs["tokens"]) == choice["text"] and min(logprobs["token_logprobs"]) > -9999
