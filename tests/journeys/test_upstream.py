"""A guard over a plain vLLM server elsewhere: the answers of plain vLLM, and of a guard over an engine of its own."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry

from filters.batcher import Batcher
from filters.judge import Judge
from server import composition
from server.embedded import Models
from server.engine import launcher
from server.engine.upstream.client import UpstreamClient
from server.engine.upstream.configuration import without_engine
from server.engine.upstream.link import Link, http_client
from server.environment import cache_folder
from server.reloading import Current
from server.telemetry.metrics import Metrics
from tests.journeys.test_failures import leave, until
from tests.journeys.test_identity import CHAT, COMPLETIONS, fresh
from tests.live import policies
from tests.live.counts import vllm_counts
from tests.live.servers import Servers, listening
from tests.live.wire import JSON, PATHS, asking, meaning, post

WORDS = ("mini", "--enable-auto-tool-choice", "--tool-call-parser", "hermes")
UNABLE = {"echo", "label-tokens"}
"""What the protocol's stream does not carry."""
CASES = [("completions", name) for name in COMPLETIONS if name not in UNABLE]
CASES += [("chat", name) for name in CHAT if name not in UNABLE]


@asynccontextmanager
async def guarded(servers: Servers, *, upstream: bool) -> AsyncIterator[str]:
    """A guarded server over the plain one, or over its engine, rewinding by resubmission either way."""
    args = launcher.parse(WORDS, Models(cache_folder(), lambda line: None), elsewhere=True)
    metrics = Metrics(CollectorRegistry())
    async with AsyncExitStack() as stack:
        engine: Any = servers.engine
        if upstream:
            http = await stack.enter_async_context(http_client(None))
            engine = UpstreamClient(without_engine(args), [Link(servers.plain, http, 60.0)], metrics)
            await engine.fleet.begin()
            stack.push_async_callback(engine.fleet.aclose)
        batcher = Batcher(servers.scorer)
        await batcher.start()
        stack.push_async_callback(batcher.aclose)
        client = composition.guard(
            engine, Judge(batcher), Current(policies.catalog()), metrics, stack, allow_loosen=True
        )
        client.exact = False
        _forget_too(servers, client.alternative_scores.forget)
        app = await launcher.application(client, args)
        composition.attach(app, client, args)
        yield await stack.enter_async_context(listening(app))


def _forget_too(servers: Servers, forget: Callable[[], None]) -> None:
    """Have another server forget as well what it knows of a scorer that is swapped."""
    others = servers.scorer.forget

    def both() -> None:
        others()
        forget()

    servers.scorer.forget = both


@pytest.fixture(scope="module")
def elsewhere(servers: Servers) -> Iterator[str]:
    """The address of a guard whose upstream is the plain server."""
    yield from _serving(servers, upstream=True)


@pytest.fixture(scope="module")
def here(servers: Servers) -> Iterator[str]:
    """The address of a guard that resubmits to its own engine."""
    yield from _serving(servers, upstream=False)


def _serving(servers: Servers, *, upstream: bool) -> Iterator[str]:
    context = guarded(servers, upstream=upstream)
    yield servers.run(context.__aenter__())
    servers.run(context.__aexit__(None, None, None))


@pytest.mark.parametrize(("route", "name"), CASES, ids=[f"{route}-{name}" for route, name in CASES])
def test_clean_text_is_plain_vllms(servers: Servers, elsewhere: str, route: str, name: str) -> None:
    more = (COMPLETIONS if route == "completions" else CHAT)[name]
    body = asking(route, servers.model, temperature=0.9, seed=7) | more
    with servers.scorer.flagging():
        plain, ours = (fresh(servers, base, route, body) for base in (servers.plain, elsewhere))
    assert meaning(ours.json()) == meaning(plain.json())


def said(choice: JSON) -> tuple[Any, ...]:
    """What does not depend on how far the engine was when it was rewound, nor on what was cached."""
    report = {key: value for key, value in choice["detox"].items() if not key.startswith("tokens_")}
    named = [list(entry) for entry in choice["logprobs"]["top_logprobs"]]
    return choice["text"], choice["finish_reason"], choice["logprobs"]["tokens"], named, report


def test_rewinds_are_those_of_a_guard_that_resubmits_to_an_engine_of_its_own(
    servers: Servers, elsewhere: str, here: str
) -> None:
    rewinds = 0
    with servers.scorer.flagging("the", "restaurant"):
        for seed in range(4):
            body = asking("completions", servers.model, tokens=40, temperature=0.9, seed=seed, logprobs=2)
            body["detox"] = {"policy": "patient"}
            answers = (fresh(servers, base, "completions", body).json() for base in (elsewhere, here))
            ours, theirs = (answer["choices"][0] for answer in answers)
            assert said(ours) == said(theirs)
            rewinds += ours["detox"]["rewinds"]
    assert rewinds > 2


async def test_a_client_that_leaves_takes_its_request_away_from_the_upstream(servers: Servers, elsewhere: str) -> None:
    """Eight answers of 900 tokens: had they not been ended there, they would have been drawn."""
    body = asking("completions", servers.model, tokens=900, ignore_eos=True, n=8)
    before = drawn(servers)
    with servers.scorer.flagging():
        await leave(elsewhere + PATHS["completions"], body, lambda: servers.in_flight() > 0)
        until(lambda: not servers.in_flight())
    assert drawn(servers) - before < 8 * 900 / 2


def drawn(servers: Servers) -> float:
    return vllm_counts(servers)["vllm:generation_tokens_total"]


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"echo": True, "logprobs": 1}, "prompt_logprobs"),
        ({"detox": {"mode": "off"}}, "detox.mode"),
        ({"max_tokens": 4000}, "max_tokens"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_cannot_be_had_is_a_400_that_names_it(
    servers: Servers, elsewhere: str, more: JSON, named: str, stream: bool
) -> None:
    answer = post(elsewhere, "completions", asking("completions", servers.model, stream=stream) | more)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, named)


def test_it_is_ready(elsewhere: str) -> None:
    assert httpx.get(elsewhere + "/ready").json()["engine"]
