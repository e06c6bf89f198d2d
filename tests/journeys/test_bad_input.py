"""Requests that cannot be: each is refused with a status, in OpenAI's error shape, naming the key at fault."""

import json
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from tests.live.servers import Servers
from tests.live.wire import JSON, PATHS, asking, post

DETOX: dict[str, tuple[JSON | Any, int, str]] = {
    "unknown-policy": ({"policy": "nosuch"}, 400, "detox.policy"),
    "policy-of-wrong-type": ({"policy": 3}, 400, "detox.policy"),
    "unknown-key": ({"polcy": "strict"}, 400, "detox.polcy"),
    "not-an-object": ("strict", 400, "detox"),
    "threshold-above-1": ({"thresholds": {"toxicity": 1.5}}, 400, "detox.thresholds.toxicity"),
    "threshold-below-0": ({"thresholds": {"toxicity": -0.1}}, 400, "detox.thresholds.toxicity"),
    "threshold-of-wrong-type": ({"thresholds": {"toxicity": "0.2"}}, 400, "detox.thresholds.toxicity"),
    "unknown-category": ({"thresholds": {"rudeness": 0.2}}, 400, "detox.thresholds.rudeness"),
    "unknown-mode": ({"mode": "on"}, 400, "detox.mode"),
    "report-of-wrong-type": ({"report": "no"}, 400, "detox.report"),
    "looser-threshold": ({"thresholds": {"toxicity": 0.9}}, 403, "detox.thresholds.toxicity"),
    "looser-mode": ({"mode": "off"}, 403, "detox.mode"),
    "looser-policy": ({"policy": "off"}, 403, "detox.policy"),
    "looser-fallback": ({"on_exhausted": "flag"}, 403, "detox.on_exhausted"),
}
VLLMS: dict[str, tuple[JSON, str]] = {
    "wrong-type": ({"max_tokens": "many"}, "max_tokens"),
    "temperature": ({"temperature": -1}, "temperature"),
    "n": ({"n": 0}, "n"),
    "unknown-model": ({"model": "nosuch"}, "model"),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("case", DETOX)
def test_a_wrong_detox_object_is_refused(servers: Servers, case: str, stream: bool) -> None:
    detox, status, param = DETOX[case]
    answer = post(servers.guarded, "chat", asking("chat", servers.model, stream=stream, detox=detox))
    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (status, param)
    assert param in error["message"] and error["type"] in ("invalid_request_error", "permission_error")


@pytest.mark.parametrize("route", PATHS)
def test_every_route_refuses_it(servers: Servers, route: str) -> None:
    answer = post(servers.guarded, route, asking(route, servers.model, detox={"policy": "nosuch"}))
    told = answer.json()["error"]
    assert answer.status_code == 400 and told.get("param", "detox.policy") == "detox.policy"
    assert "detox.policy" in told["message"]


def test_the_openai_client_raises_its_own_errors(servers: Servers, client: OpenAI) -> None:
    ask = {"model": servers.model, "prompt": "The", "max_tokens": 4}
    with pytest.raises(openai.BadRequestError, match="nosuch"):
        client.post("/completions", body=ask | {"detox": {"policy": "nosuch"}}, cast_to=object)
    with pytest.raises(openai.PermissionDeniedError, match="tighten"):
        client.post("/completions", body=ask | {"detox": {"mode": "off"}}, cast_to=object)


def test_the_header_chooses_a_policy(servers: Servers) -> None:
    body = asking("completions", servers.model)
    answer = httpx.post(servers.guarded + PATHS["completions"], json=body, headers={"X-Detox-Policy": "strict"})
    assert answer.json()["choices"][0]["detox"]["policy"] == "strict"
    unknown = httpx.post(servers.guarded + PATHS["completions"], json=body, headers={"X-Detox-Policy": "nosuch"})
    assert unknown.status_code == 400 and unknown.json()["error"]["param"] == "X-Detox-Policy"


@pytest.mark.parametrize("detox", [None, {}, {"policy": None}, {"thresholds": {"insult": 0.1}, "max_rewinds": 3}])
def test_null_and_tighter_are_served(servers: Servers, detox: JSON | None) -> None:
    answer = post(servers.guarded, "completions", asking("completions", servers.model, detox=detox))
    assert answer.status_code == 200 and answer.json()["choices"][0]["detox"]["policy"] == "default"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("route", PATHS)
def test_the_report_can_be_left_out(servers: Servers, route: str, stream: bool) -> None:
    answer = post(servers.guarded, route, asking(route, servers.model, stream=stream, detox={"report": False}))
    assert answer.status_code == 200
    assert "detox" not in answer.text and "content_filter_results" not in answer.text


@pytest.mark.parametrize("case", VLLMS)
def test_what_vllm_refuses_is_refused_in_its_words(servers: Servers, case: str) -> None:
    more, word = VLLMS[case]
    body = asking("chat", servers.model) | more
    ours, plain = (post(base, "chat", body) for base in (servers.guarded, servers.plain))
    assert ours.status_code == plain.status_code in (400, 404)
    assert ours.json() == plain.json() and word in ours.text


@pytest.mark.parametrize("path", [*PATHS.values(), "/tokenize", "/v1/moderations", "/inference/v1/abort_requests"])
@pytest.mark.parametrize("raw", [b"[1]", b"\xff", b'"text"', b"[" * 10_000, b'{"a":' * 10_000 + b"1" + b"}" * 10_000])
def test_a_body_that_no_route_could_read_is_refused_on_all(servers: Servers, raw: bytes, path: str) -> None:
    answer = httpx.post(servers.guarded + path, content=raw, headers={"content-type": "application/json"})
    assert answer.status_code == 400 and answer.json()["error"]["message"].startswith("body: ")


def test_a_path_without_a_route_is_told_in_openais_shape(servers: Servers) -> None:
    assert httpx.post(servers.guarded + "/v1/nosuch").json()["error"]["code"] == "not_found"
    answer = httpx.get(servers.guarded + "/v1/completions")
    assert (answer.json()["error"]["code"], answer.headers["allow"]) == ("method_not_allowed", "POST")


@pytest.mark.parametrize("raw", [b"{", b""])
def test_a_body_that_is_no_json_is_answered_as_by_plain_vllm(servers: Servers, raw: bytes) -> None:
    headers = {"content-type": "application/json"}
    ours, plain = (
        httpx.post(base + PATHS["chat"], content=raw, headers=headers) for base in (servers.guarded, servers.plain)
    )
    assert ours.status_code == plain.status_code >= 400
    assert ours.content == plain.content


@pytest.mark.parametrize("route", ["completions", "chat"])
def test_beam_search_is_refused(servers: Servers, route: str) -> None:
    answer = post(servers.guarded, route, asking(route, servers.model, use_beam_search=True, n=2))
    assert answer.status_code == 400 and answer.json()["error"]["param"] == "use_beam_search"


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        ({"detox": {"policy": "nosuch"}}, "invalid_request_error"),
        ({"detox": {"mode": "off"}}, "permission_error"),
        ({"max_tokens": "many"}, "invalid_request_error"),
        ({"messages": 3}, "invalid_request_error"),
        ({"model": "nosuch"}, "not_found_error"),
    ],
)
def test_errors_of_anthropics_route_have_its_shape(servers: Servers, wrong: JSON, kind: str) -> None:
    answer = post(servers.guarded, "messages", asking("messages", servers.model) | wrong)
    assert answer.status_code >= 400 and answer.json()["type"] == "error"
    assert answer.json()["error"]["type"] == kind and answer.json()["error"]["message"]


def test_prompt_embeddings_are_refused(servers: Servers) -> None:
    answer = post(servers.guarded, "completions", {"model": servers.model, "prompt_embeds": "AAAA", "max_tokens": 4})
    assert answer.status_code == 400 and answer.json()["error"]["param"] == "prompt_embeds"


def test_an_embedding_inside_a_chat_message_is_refused(servers: Servers) -> None:
    part = {"type": "prompt_embeds", "prompt_embeds": "AAAA"}
    body = asking("chat", servers.model) | {"messages": [{"role": "user", "content": [part]}]}
    assert post(servers.guarded, "chat", body).status_code >= 400


def test_an_over_long_prompt_is_refused_as_by_vllm(servers: Servers) -> None:
    body = asking("completions", servers.model, "word " * 3000)
    ours, plain = (post(base, "completions", body) for base in (servers.guarded, servers.plain))
    assert ours.status_code == 400 and ours.json() == plain.json()


def test_errors_are_json(servers: Servers) -> None:
    answer = post(servers.guarded, "chat", asking("chat", servers.model, detox={"policy": "nosuch"}))
    assert answer.headers["content-type"] == "application/json"
    assert set(json.loads(answer.content)["error"]) == {"message", "type", "param", "code"}
