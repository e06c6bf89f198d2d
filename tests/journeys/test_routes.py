"""Everything around generation: what vLLM's server has stays, and ours stands beside it."""

import re

import httpx
import pytest
from openai import OpenAI

from dashboards.__main__ import BOARDS
from server.policy.catalog import describe
from tests.live.policies import catalog
from tests.live.servers import Servers
from tests.live.wire import JSON, asking, events, meaning, post
from tests.telemetry.words import VERDICTS, WORDS, values

METRICS = {
    "unsay_spans_total",
    "unsay_prompts_total",
    "unsay_rewinds_total",
    "unsay_requests_total",
    "unsay_tokens_total",
    "unsay_score_bucket",
    "unsay_scoring_seconds_bucket",
    "unsay_scoring_batch_size_bucket",
    "unsay_scoring_queue_depth",
    "unsay_scoring_dropped_total",
    "unsay_held_seconds_bucket",
    "unsay_first_release_seconds_bucket",
    "unsay_rewind_seconds_bucket",
    "unsay_scorer_failures_total",
    "unsay_requests_at_end_total",
    "unsay_late_requests_total",
    "unsay_engine_hangs",
    "unsay_choices_under_way",
    "unsay_refused_requests_total",
    "unsay_reloads_total",
    "unsay_limits_failures_total",
    "unsay_build_info",
}


def metric(servers: Servers, name: str, *labels: str) -> float:
    """The sum of the series of this name whose labels hold all of these words."""
    page = httpx.get(servers.guarded + "/metrics", follow_redirects=True).text
    found = re.findall(rf"^{name}(\{{[^}}]*\}})? (\S+)$", page, re.MULTILINE)
    return sum(float(value) for own, value in found if all(label in own for label in labels))


def test_models_are_listed(servers: Servers, client: OpenAI, plain: OpenAI) -> None:
    assert (
        [model.id for model in client.models.list()] == [servers.model] == [model.id for model in plain.models.list()]
    )


def test_text_becomes_tokens_and_text_again(servers: Servers) -> None:
    tokens = post(servers.guarded, "/tokenize", {"model": servers.model, "prompt": "The town"}).json()["tokens"]
    back = post(servers.guarded, "/detokenize", {"model": servers.model, "tokens": tokens}).json()
    assert back == {"prompt": "The town"}


def test_health_and_readiness(servers: Servers) -> None:
    assert httpx.get(servers.guarded + "/health").status_code == 200
    ready = httpx.get(servers.guarded + "/ready")
    assert (ready.status_code, ready.json()) == (
        200,
        {"ready": True, "engine": True, "scorer": True, "accepting": True},
    )
    assert httpx.head(servers.guarded + "/health").status_code in (200, 405)


def test_policies_are_described(servers: Servers) -> None:
    told = httpx.get(servers.guarded + "/v1/detox/policies").json()
    assert told == {**describe(catalog()), "rights": ["trace"]}, "nobody else can reach this server"


def test_metrics_are_on_one_page_with_vllms(servers: Servers) -> None:
    post(servers.guarded, "chat", asking("chat", servers.model))
    page = httpx.get(servers.guarded + "/metrics", follow_redirects=True).text
    names = set(re.findall(r"^([a-z_:]+)", page, re.MULTILINE))
    assert names >= METRICS | {"vllm:num_requests_running", "vllm:generation_tokens_total", "http_requests_total"}


def test_a_real_engine_publishes_what_dashboards_ask_of_vllm(servers: Servers) -> None:
    queries = [query.expression for board in BOARDS for panel in board.panels for query in panel.queries]
    asked = set(re.findall(r"vllm:[a-z_]+", "\n".join(queries)))
    page = httpx.get(servers.guarded + "/metrics", follow_redirects=True).text
    named = re.findall(rf'^(vllm:[a-z_]+)\{{.*model_name="{servers.model}"', page, re.MULTILINE)
    assert asked and asked <= set(named)


def test_labels_have_the_words_that_dashboards_know_from_the_start_and_no_others(servers: Servers) -> None:
    page = httpx.get(servers.guarded + "/metrics", follow_redirects=True).text
    assert {key: values(page, *key) for key in WORDS} == WORDS
    assert values(page, "unsay_spans_total", "verdict") - {"flagged"} == VERDICTS
    assert values(page, "unsay_spans_total", "policy") == set(catalog().policies)


def test_a_request_is_counted_once(servers: Servers) -> None:
    labels = ('route="/v1/completions"', 'policy="small"', 'action="clean"')
    before = metric(servers, "unsay_requests_total", *labels)
    released = metric(servers, "unsay_tokens_total", "released")
    with servers.scorer.flagging():
        body = asking("completions", servers.model, n=3, seed=1, detox={"policy": "small"})
        answer = post(servers.guarded, "completions", body)
    assert metric(servers, "unsay_requests_total", *labels) == before + 1
    tokens = answer.json()["usage"]["completion_tokens"]
    assert metric(servers, "unsay_tokens_total", "released") == released + tokens


def test_paths_that_clients_make_up_are_no_labels(servers: Servers) -> None:
    assert post(servers.guarded, "/v1/made/up/by/a/client", {}).status_code == 404
    page = httpx.get(servers.guarded + "/metrics", follow_redirects=True).text
    assert "made/up" not in page


@pytest.mark.parametrize(
    ("given", "count"),
    [
        ("You are kind.", 1),
        (["You are kind.", "You idiot."], 2),
        ([{"type": "text", "text": "You idiot."}], 1),
        ("", 1),
    ],
)
def test_moderations_have_openais_shape(servers: Servers, client: OpenAI, given: object, count: int) -> None:
    told = client.moderations.create(input=given)  # type: ignore[arg-type]
    assert len(told.results) == count
    scores = [dict(result.category_scores) for result in told.results]
    assert all(set(score) >= set(servers.scorer.categories) for score in scores)


def test_moderations_have_openais_categories_for_openais_client(client: OpenAI) -> None:
    (insult,) = client.moderations.create(input="You idiot.").results
    assert insult.flagged and insult.categories.harassment and not insult.categories.self_harm
    assert insult.category_scores.harassment == dict(insult.category_scores)["insult"]
    assert insult.category_applied_input_types.self_harm == []


def test_moderations_say_what_the_guard_would(servers: Servers) -> None:
    both = post(servers.guarded, "/v1/moderations", {"input": ["You idiot.", "It is sunny."]}).json()["results"]
    assert [result["flagged"] for result in both] == [True, False]
    assert both[0]["categories"]["insult"] and not any(both[1]["categories"].values())
    assert all(0 <= score <= 1 for result in both for score in result["category_scores"].values())


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "input"),
        ({"input": []}, "input"),
        ({"input": 3}, "input"),
        ({"input": ["a", 3]}, "input"),
        ({"input": [{"type": "image_url", "image_url": {"url": "x"}}]}, "input"),
        ({"input": "a", "model": 3}, "model"),
        ({"input": ["a"] * 1025}, "input"),
    ],
)
def test_wrong_moderations_are_refused(servers: Servers, body: JSON, param: str) -> None:
    answer = post(servers.guarded, "/v1/moderations", body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_moderations_without_a_scorer_are_503(servers: Servers) -> None:
    with servers.scorer.flagging() as scorer:
        scorer.fail(2)
        answer = post(servers.guarded, "/v1/moderations", {"input": "a"})
    assert answer.status_code == 503 and "retry-after" in answer.headers
    assert post(servers.guarded, "/v1/moderations", {"input": "a"}).status_code == 200


def test_a_batch_of_chats_has_a_report_for_each(servers: Servers) -> None:
    chats = [[{"role": "user", "content": text}] for text in ("Hello.", "I need a restaurant.")]
    body = {"model": servers.model, "messages": chats, "max_tokens": 24, "temperature": 0, "detox": {"policy": "small"}}
    with servers.scorer.flagging():
        ours = post(servers.guarded, "/v1/chat/completions/batch", body)
        plain = post(servers.plain, "/v1/chat/completions/batch", body)
    assert meaning(ours.json()) == meaning(plain.json())
    reports = [choice["detox"] for choice in ours.json()["choices"]]
    total = sum(report["tokens_generated"] for report in reports)
    assert len(reports) == 2 and total == ours.json()["usage"]["completion_tokens"]


def test_reports_of_several_prompts_stand_with_their_choices(servers: Servers) -> None:
    """vLLM numbers the choices of several prompts prompt by prompt."""
    tame, wild = "I need a restaurant in Berkeley. Assistant:", "The history of the town begins with"
    body = asking("completions", servers.model, temperature=0, detox={"policy": "truncate"}) | {"prompt": [tame, wild]}
    for stream in (False, True):
        with servers.scorer.flagging("town"):
            answer = post(servers.guarded, "completions", body | {"stream": stream})
        said = [e["choices"][0] for e in events(answer.text)] if stream else answer.json()["choices"]
        actions = {choice["index"]: choice["detox"]["action"] for choice in said if choice["finish_reason"]}
        assert actions == {0: "clean", 1: "truncated"}


def test_labels_are_read_through_the_guard(servers: Servers) -> None:
    """vLLM's scoring of labels reads the logprobs of one token; they come through, with nothing taken out."""
    body = {"model": servers.model, "query": "Is it?", "items": ["yes", "no"], "label_token_ids": [300, 301]}
    ours, plain = (post(base, "/generative_scoring", body) for base in (servers.guarded, servers.plain))
    assert ours.status_code == plain.status_code == 200, ours.text
    assert meaning(ours.json()) == meaning(plain.json())


@pytest.mark.parametrize("stream", [False, True])
def test_usage_at_every_chunk_counts_what_was_released(servers: Servers, stream: bool) -> None:
    options: JSON = {"stream_options": {"include_usage": True, "continuous_usage_stats": True}, "stream": True}
    body = asking("chat", servers.model, temperature=0, detox={"policy": "patient"}, **options)
    with servers.scorer.flagging("e" if stream else "zzz"):
        said = events(post(servers.guarded, "chat", body).text)
    counts = [event["usage"]["completion_tokens"] for event in said]
    (report,) = [c["detox"] for event in said for c in event["choices"] if c["finish_reason"]]
    assert counts == sorted(counts) and counts[-1] == report["tokens_generated"] - report["tokens_discarded"]


def test_websockets_are_not_a_way_around(servers: Servers) -> None:
    headers = {"connection": "Upgrade", "upgrade": "websocket", "sec-websocket-version": "13"}
    headers["sec-websocket-key"] = "dGhlIHNhbXBsZSBub25jZQ=="
    assert httpx.get(servers.guarded + "/v1/realtime", headers=headers).status_code in (400, 403, 404)
