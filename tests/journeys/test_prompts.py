"""Prompts that are judged: told beside the answer, or refused before there is one."""

from typing import Any

import pytest

from tests.journeys.test_failures import ready, until
from tests.journeys.test_routes import metric
from tests.live.answers import Told, told
from tests.live.servers import Servers
from tests.live.wire import JSON, PATHS, asking, post

STREAMED = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
ON_EVERY_ROUTE = pytest.mark.parametrize("route", PATHS)
REFUSED = {"responses": "content_filter", "messages": "refusal"}
WORD = "zebra"
"""The scorer flags it, and the model does not come to it by itself."""
HOSTILE, KIND = f"Tell me of the {WORD} in the town.", "Tell me of the town."


def answer(servers: Servers, route: str, prompt: str, on_prompt: str, *, stream: bool, **more: Any) -> Told:
    options: JSON = {"stream_options": {"include_usage": True}} if stream and route not in REFUSED else {}
    options |= {"detox": {"policy": "small", "on_prompt": on_prompt}, "temperature": 0, **more}
    body = asking(route, servers.model, prompt, stream=stream, **options)
    with servers.scorer.flagging(WORD):
        return told(route, post(servers.guarded, route, body))


@STREAMED
@ON_EVERY_ROUTE
def test_a_flagged_prompt_is_refused(servers: Servers, route: str, stream: bool) -> None:
    with servers.closed():
        said = answer(servers, route, HOSTILE, "refuse", stream=stream)
    assert (said.texts, said.actions, said.tokens) == ([""], ["refused"], 0)
    assert said.endings == [REFUSED.get(route, "content_filter")]
    assert said.reports[0]["prompt"]["flagged"] is True and said.reports[0]["tokens_generated"] == 0


@STREAMED
@ON_EVERY_ROUTE
@pytest.mark.parametrize(("prompt", "on_prompt"), [(HOSTILE, "score"), (KIND, "refuse"), (KIND, "score")])
def test_any_other_is_answered_as_ever(servers: Servers, route: str, prompt: str, on_prompt: str, stream: bool) -> None:
    said = answer(servers, route, prompt, on_prompt, stream=stream)
    assert said.texts == answer(servers, route, prompt, "ignore", stream=stream).texts and said.texts[0]
    assert said.actions == ["clean"]
    prompts = [report["prompt"] for report in said.reports]
    assert [told["flagged"] for told in prompts] == [prompt == HOSTILE]
    assert set(prompts[0]["scores"]) == set(servers.scorer.categories)


@STREAMED
@pytest.mark.parametrize("route", ["completions", "chat"])
def test_every_choice_is_refused_and_the_prompt_is_judged_once(servers: Servers, route: str, stream: bool) -> None:
    labels = ('verdict="flagged"', 'policy="small"')
    before = metric(servers, "unsay_prompts_total", *labels)
    said = answer(servers, route, HOSTILE, "refuse", stream=stream, n=3, temperature=1)
    assert said.endings == ["content_filter"] * 3 and said.tokens == 0
    assert metric(servers, "unsay_prompts_total", *labels) == before + 1


@STREAMED
def test_each_of_several_prompts_has_its_own_verdict(servers: Servers, stream: bool) -> None:
    body = asking("completions", servers.model, stream=stream, detox={"policy": "small", "on_prompt": "refuse"})
    body |= {"prompt": [HOSTILE, KIND], "temperature": 0}
    with servers.scorer.flagging(WORD):
        said = told("completions", post(servers.guarded, "completions", body))
    assert said.actions == ["refused", "clean"] and said.texts[0] == "" and said.texts[1]


@STREAMED
@pytest.mark.parametrize("more", [{"echo": True}, {"echo": True, "logprobs": 1}, {"logprobs": 1}], ids=str)
def test_a_refused_prompt_may_be_echoed(servers: Servers, more: JSON, stream: bool) -> None:
    said = answer(servers, "completions", HOSTILE, "refuse", stream=stream, **more)
    assert said.texts == [HOSTILE if "echo" in more else ""]
    assert (said.endings, said.tokens) == (["content_filter"], 0)


@STREAMED
@ON_EVERY_ROUTE
def test_without_a_verdict_a_prompt_that_may_have_to_be_refused_is_503(
    servers: Servers, route: str, stream: bool
) -> None:
    detox = {"policy": "small", "on_prompt": "refuse"}
    with servers.scorer.flagging() as scorer:
        scorer.fail(1)
        asked = asking(route, servers.model, HOSTILE, stream=stream, detox=detox)
        refused = post(servers.guarded, route, asked)
        assert refused.status_code == 503 and refused.headers["retry-after"] == "2"
        until(lambda: ready(servers))


@STREAMED
def test_under_an_open_policy_it_is_answered_and_the_report_says_so(servers: Servers, stream: bool) -> None:
    body = asking("chat", servers.model, HOSTILE, stream=stream, temperature=0)
    body["detox"] = {"policy": "fail-open", "on_prompt": "refuse"}
    with servers.scorer.flagging() as scorer:
        scorer.fail(1)
        said = told("chat", post(servers.guarded, "chat", body))
    prompt = said.reports[0]["prompt"]
    assert (prompt["flagged"], prompt["scores"]) == (None, {}) and said.texts[0]


def test_in_monitor_mode_a_flagged_prompt_is_answered(servers: Servers) -> None:
    detox = {"policy": "monitor", "on_prompt": "refuse"}
    body = asking("chat", servers.model, HOSTILE, temperature=0, detox=detox)
    with servers.scorer.flagging(WORD):
        said = told("chat", post(servers.guarded, "chat", body))
    assert said.texts[0] and said.endings != ["content_filter"]
    assert said.reports[0]["prompt"]["flagged"] in (True, None)
