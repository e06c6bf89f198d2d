"""What goes wrong on the way: clients that leave, scorers that fail, requests that cannot be."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence

import httpx
import pytest
from openai import OpenAI

from filters.scorer import Scores
from filters.scorers.scripted import ScriptedScorer
from tests.live.answers import told
from tests.live.servers import SCORER_DEADLINE_SECONDS, Servers
from tests.live.wire import PATHS, asking, events, post

STREAMED = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
PATIENCE_SECONDS = 20.0


def until(condition: Callable[[], bool]) -> None:
    """Polls until the condition, something in another thread, holds; fails the test if it never does."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.02)


def quiet(servers: Servers) -> bool:
    return servers.in_flight() == 0 and servers.tasks() == []


def busy(servers: Servers) -> bool:
    return servers.in_flight() > 0 and servers.tasks() != []


@STREAMED
@pytest.mark.parametrize("route", PATHS)
async def test_a_client_that_leaves_takes_everything_with_it(servers: Servers, route: str, stream: bool) -> None:
    """While the scorer hangs nothing is sent, so that only the disconnect itself can tell the server."""
    body = asking(route, servers.model, tokens=900, stream=stream, detox={"policy": "small"})
    if route != "messages":
        body |= {"ignore_eos": True}
    with servers.scorer.flagging() as scorer:
        scorer.hang()
        await leave(servers.guarded + PATHS[route], body, lambda: busy(servers))
        until(lambda: quiet(servers))


async def leave(url: str, body: object, moment: Callable[[], bool]) -> None:
    """Ask, and go away when the moment has come."""
    async with httpx.AsyncClient(timeout=60) as web:
        asked = asyncio.create_task(web.post(url, json=body))
        while not moment() and not asked.done():  # noqa: ASYNC110 (what it looks at is in another thread)
            await asyncio.sleep(0.01)
        assert not asked.done(), asked.result().text
        asked.cancel()
        await asyncio.wait([asked])


def test_a_client_that_leaves_in_mid_stream_takes_everything_with_it(servers: Servers, client: OpenAI) -> None:
    more = {"ignore_eos": True, "detox": {"policy": "small"}}
    with servers.scorer.flagging():
        stream = client.completions.create(
            model=servers.model, prompt="The", max_tokens=900, stream=True, n=2, extra_body=more
        )
        next(iter(stream))
        stream.close()
        until(lambda: quiet(servers))


@STREAMED
@pytest.mark.parametrize("route", PATHS)
def test_a_scorer_that_fails_before_the_answer_makes_it_503(servers: Servers, route: str, stream: bool) -> None:
    with servers.scorer.flagging() as scorer:
        scorer.fail(3)
        body = asking(route, servers.model, stream=stream, temperature=0, detox={"policy": "small"})
        answer = post(servers.guarded, route, body)
    assert answer.status_code == 503 and answer.headers["retry-after"] == "2"
    told = answer.json()["error"]
    assert told["type"] == ("overloaded_error" if route == "messages" else "service_unavailable")
    until(lambda: quiet(servers))
    until(lambda: ready(servers))


def ready(servers: Servers) -> bool:
    return httpx.get(servers.guarded + "/ready").status_code == 200


def test_a_server_whose_scorer_is_back_is_ready_again(servers: Servers) -> None:
    body = asking("chat", servers.model, temperature=0)
    with servers.scorer.flagging() as scorer:
        scorer.fail(100)
        assert post(servers.guarded, "chat", body).status_code == 503
        down = httpx.get(servers.guarded + "/ready")
        parts = {"engine": True, "scorer": False, "accepting": True}
        assert (down.status_code, down.json()) == (503, {"ready": False, **parts})
        assert post(servers.guarded, "chat", body).status_code == 503  # refused at once, without trying
        scorer.fail(0)
        until(lambda: ready(servers))
        assert post(servers.guarded, "chat", body).status_code == 200


def streamed_until_it_fails(servers: Servers, route: str, policy: str, *, hang: bool) -> httpx.Response:
    """A stream whose scorer works once and then no more."""
    body = asking(route, servers.model, stream=True, tokens=60, temperature=0, detox={"policy": policy})
    dying = DyingScorer(servers.scorer.categories, passes=3, hang=hang)
    with servers.scorer.using(dying):
        answer = post(servers.guarded, route, body | ({} if route == "messages" else {"ignore_eos": True}))
        dying.release()
    until(lambda: ready(servers))
    return answer


class DyingScorer(ScriptedScorer):
    """Clears everything for some passes, then fails or hangs for good."""

    def __init__(self, categories: tuple[str, ...], *, passes: int, hang: bool) -> None:
        super().__init__({}, categories=categories)
        self._left, self._then_hang = passes, hang
        self._lock = threading.Lock()

    def score(self, texts: Sequence[str]) -> list[Scores]:
        with self._lock:
            self._left -= 1
            if self._left == 0:
                self.hang() if self._then_hang else self.fail(10_000)
        return super().score(texts)


@pytest.mark.parametrize("hang", [False, True], ids=["fails", "hangs"])
@pytest.mark.parametrize("route", PATHS)
def test_a_scorer_lost_in_mid_stream_ends_it(servers: Servers, route: str, hang: bool) -> None:
    said = told(route, streamed_until_it_fails(servers, route, "small", hang=hang))
    assert said.endings == [{"messages": "refusal"}.get(route, "content_filter")]
    assert said.actions == ["refused"]
    assert said.reports[0]["scorer_failure"] == ("deadline" if hang else "error")
    assert said.texts[0]
    assert SCORER_DEADLINE_SECONDS < PATIENCE_SECONDS


@pytest.mark.parametrize("route", ["completions", "chat"])
def test_an_open_policy_goes_on_and_says_so(servers: Servers, route: str) -> None:
    said = told(route, streamed_until_it_fails(servers, route, "fail-open", hang=False))
    assert said.endings == ["length"] and said.actions == ["unguarded"]


def test_a_long_prompt_ends_a_stream_before_it_begins(servers: Servers) -> None:
    answer = post(servers.guarded, "completions", asking("completions", servers.model, "word " * 3000, stream=True))
    assert answer.status_code == 400 and not events(answer.text)
