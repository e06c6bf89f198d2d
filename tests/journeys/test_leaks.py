"""Promise 1 at the wire: no byte of a flagged word leaves, in whatever shape, however late the verdict."""

import json
import re
from typing import Any

import httpx
import pytest

from filters.scorers.scripted import ScriptedScorer
from server.policy.policy import Policy
from tests.live.servers import Servers
from tests.live.wire import JSON, PATHS, asking, lines, post, texts

WORD = "town"
LATE_SECONDS = 0.05
ECHO: JSON = {"echo": True, "logprobs": 5, "n": 2, "seed": 4, "temperature": 1}
SHAPES: dict[str, tuple[str, JSON]] = {route: (route, {}) for route in PATHS}
SHAPES |= {
    "completions-logprobs": ("completions", {"logprobs": 5}),
    "completions-ids": ("completions", {"logprobs": 5, "return_token_ids": True, "return_tokens_as_token_ids": True}),
    "completions-echo": ("completions", {"prompt": "He left the village for the next", **ECHO}),
    "chat-logprobs": ("chat", {"logprobs": True, "top_logprobs": 20, "return_token_ids": True}),
    "chat-three": ("chat", {"n": 3, "temperature": 1, "seed": 5}),
    "responses-logprobs": ("responses", {"include": ["message.output_text.logprobs"], "top_logprobs": 5}),
}


def ids_of(servers: Servers, word: str) -> set[int]:
    """Every token whose text holds the word, or that may begin it with a space before it."""
    tokenizer = servers.tokenizer
    return {token for token in range(len(tokenizer)) if word in tokenizer.decode([token]).lower()}


def wire_events(servers: Servers, route: str, body: JSON) -> list[bytes]:
    """The raw events of a stream, in the pieces in which they came."""
    found = b""
    with httpx.stream("POST", servers.guarded + PATHS.get(route, route), json=body, timeout=60) as answer:
        found = b"".join(answer.iter_raw())
        assert answer.status_code == 200, found
    return [event for event in found.split(b"\n\n") if event]


@pytest.mark.parametrize("policy", ["patient", "truncate", "no-rewinds"])
@pytest.mark.parametrize("shape", SHAPES)
def test_no_event_holds_a_flagged_word(servers: Servers, shape: str, policy: str) -> None:
    route, more = SHAPES[shape]
    # Without the report: the word stands in the name of a category.
    detox = {"policy": policy, "report": False}
    body = asking(route, servers.model, stream=True, **{"temperature": 0, **more}, detox=detox)
    with servers.scorer.flagging(WORD, seconds=LATE_SECONDS):
        said = wire_events(servers, route, body)
    assert WORD not in b"".join(said).decode().lower()
    written = "".join(text for event in said for text in texts_of(event))
    assert WORD not in written.lower()
    forbidden = ids_of(servers, WORD)
    assert forbidden.isdisjoint(token for event in said for token in ids_in(json_of(event)))


def json_of(event: bytes) -> Any:
    _, _, data = event.partition(b"data: ")
    return {} if data == b"[DONE]" else json.loads(data)


def texts_of(event: bytes) -> list[str]:
    """The strings of an event that are a model's text: those under the keys that carry it."""
    return re.findall(r'"(?:text|content|delta)":"((?:[^"\\]|\\.)*)"', event.decode())


def ids_in(value: Any) -> set[int]:
    """Token ids anywhere in an event: as numbers, or spelled as `token_id:N`."""
    if isinstance(value, dict):
        own = {token for token in value.get("token_ids") or () if isinstance(token, int)}
        return own.union(*(ids_in(entry) for entry in value.values()))
    if isinstance(value, list):
        return set().union(*(ids_in(entry) for entry in value))
    return {int(value.removeprefix("token_id:"))} if isinstance(value, str) and value.startswith("token_id:") else set()


def test_without_the_guard_the_word_is_there(servers: Servers) -> None:
    """The control: the same requests to plain vLLM do say it, so the tests above can fail."""
    answer = post(servers.plain, "/v1/completions", asking("completions", servers.model, temperature=0))
    assert WORD in answer.text


@pytest.mark.parametrize("route", ["completions", "chat"])
def test_every_prefix_of_a_stream_was_judged(servers: Servers, route: str) -> None:
    """Whatever has come at any moment lies within texts that the scorer had been given before."""
    body = asking(route, servers.model, stream=True, temperature=0, detox={"policy": "small"})
    with servers.scorer.flagging():
        released = ""
        with httpx.stream("POST", servers.guarded + PATHS[route], json=body, timeout=60) as answer:
            for line in lines(answer):
                for text in texts_of(line.encode()):
                    released += json.loads(f'"{text}"')
                    assert judged(released, servers.scorer.texts)
    assert released


def judged(released: str, given: list[str]) -> bool:
    """Whether the last words of what was released stand in a text that was given to the scorer."""
    tail = released.strip()[-12:]
    return any(tail in text for text in given)


def test_alternatives_that_are_flagged_are_not_shown(servers: Servers) -> None:
    body = asking("completions", servers.model, temperature=0, logprobs=5, max_tokens=24)
    plain = post(servers.plain, "/v1/completions", body).json()["choices"][0]
    shown = {text for entry in plain["logprobs"]["top_logprobs"] for text in entry}
    drawn = set(plain["logprobs"]["tokens"])
    word = next(text.strip() for text in sorted(shown - drawn) if text.strip().isalpha() and len(text.strip()) > 3)
    with servers.scorer.flagging(word):
        ours = post(servers.guarded, "/v1/completions", body | {"detox": {"policy": "small"}}).json()
    left = {text for entry in ours["choices"][0]["logprobs"]["top_logprobs"] for text in entry}
    assert word not in " ".join(left | set(texts(ours))) and left


def test_prompt_alternatives_that_are_flagged_are_not_shown(servers: Servers) -> None:
    body = asking("completions", servers.model, temperature=0, prompt_logprobs=8, max_tokens=4)
    plain = post(servers.plain, "/v1/completions", body).json()["choices"][0]["prompt_logprobs"]
    found = {token["decoded_token"].strip() for entry in plain if entry for token in entry.values()}
    word = next(text for text in sorted(found) if text.isalpha() and len(text) > 3 and text not in body["prompt"])
    with servers.scorer.flagging(word):
        ours = post(servers.guarded, "/v1/completions", body | {"detox": {"policy": "small"}})
    assert word not in ours.text and ours.json()["choices"][0]["prompt_logprobs"][1]


def test_tokens_in_tokens_out_is_guarded_too(servers: Servers) -> None:
    ids = post(servers.guarded, "/tokenize", {"model": servers.model, "prompt": "The history of the town"})
    params = {"temperature": 0, "max_tokens": 24}
    body = {"model": servers.model, "token_ids": ids.json()["tokens"], "sampling_params": params}
    plain = post(servers.plain, "/inference/v1/generate", body).json()["choices"][0]["token_ids"]
    word = servers.tokenizer.decode([max(plain, key=lambda token: (token > 400, token))]).strip()
    with servers.scorer.flagging(word):
        ours = post(servers.guarded, "/inference/v1/generate", body).json()["choices"][0]
    assert ids_of(servers, word.lower()).isdisjoint(ours["token_ids"] or ())
    assert ours["detox"]["spans_flagged"] > 0


def test_a_scorer_that_hangs_lets_nothing_out(servers: Servers) -> None:
    hanging = ScriptedScorer({}, categories=servers.scorer.categories)
    hanging.hang()
    with servers.scorer.using(hanging):
        answer = post(servers.guarded, "/v1/completions", asking("completions", servers.model))
        hanging.release()
    assert answer.status_code == 503 and int(answer.headers["retry-after"]) > 0
    assert Policy().on_scorer_failure == "closed"
