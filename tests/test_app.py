"""What server/app.py puts together, as far as it needs no engine; the rest of it is for tests/journeys."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry
from tokenizers import Tokenizer

from server import app
from server.app import engine_arguments, prepare, upstreams, warn
from server.configuration import Settings, Start, parse
from server.errors import StartError
from server.settings import BUNDLED_MODEL
from server.telemetry import logs
from server.telemetry.metrics import Metrics
from server.telemetry.pairs import PairFile
from server.upstreams import KEY
from tests.contract.rigs import SCRIPTED
from tests.test_composition import engine


@pytest.fixture
def metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of metrics for each server, of which a process has but one, and the logs of the tests as they are."""
    monkeypatch.setattr(app, "Metrics", lambda: Metrics(CollectorRegistry()))
    monkeypatch.setattr(logs, "configure", lambda level: None)


async def test_what_guards_is_made_by_what_vllm_was_told(metrics: None, tmp_path: Path) -> None:
    policies = tmp_path / "p.yaml"
    policies.write_text("{default: mine, policies: {mine: {thresholds: {toxicity: 0.1}}}}")
    pairs = tmp_path / "pairs.jsonl"
    told = {"scorer": SCRIPTED, "policy_file": str(policies), "allow_loosen": True, "pairs_out": str(pairs)}
    client = prepare({"unsay": told})(engine())
    assert (client.default_policy.name, client.allow_loosen) == ("mine", True)
    assert set(client.default_policy.thresholds) == {"toxicity", "insult"}, "those of its scorer"
    assert isinstance(client.services.pairs, PairFile) and pairs.stat().st_mode & 0o777 == 0o600
    await asyncio.sleep(0)
    assert client.services.judge.available()
    await client.closing.aclose()
    assert not client.services.judge.available()


@pytest.mark.parametrize(
    ("told", "named"),
    [({"scorer_batch": 0}, "unsay.scorer_batch"), ({"scorer": SCRIPTED, "policy_file": "/no/such"}, "/no/such")],
)
async def test_what_does_not_fit_is_told_before_there_is_an_engine(
    told: dict[str, Any], named: str, metrics: None
) -> None:
    with pytest.raises(StartError, match=named):
        prepare({"unsay": told})


def test_an_engine_that_is_made_outside_of_an_event_loop_is_refused() -> None:
    with pytest.raises(StartError, match=r"outside of an event loop.*leave unsay out of VLLM_PLUGINS"):
        prepare({})


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is said to the operator."""
    said: list[str] = []
    monkeypatch.setattr(app.log, "warning", said.append)
    return said


@pytest.mark.parametrize(
    ("loosen", "environment", "named"),
    [
        (False, {"VLLM_PLUGINS": "unsay"}, []),
        (True, {"VLLM_PLUGINS": "a,unsay"}, ["--allow-loosen"]),
        (False, {"VLLM_PLUGINS": "unsay", "VLLM_SERVER_DEV_MODE": "1"}, ["VLLM_SERVER_DEV_MODE"]),
        (False, {}, ["VLLM_PLUGINS=unsay"]),
    ],
)
def test_what_may_not_be_meant_is_said_aloud(
    loosen: bool,
    environment: dict[str, str],
    named: list[str],
    lines: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("VLLM_PLUGINS", "VLLM_SERVER_DEV_MODE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    warn(Settings(allow_loosen=loosen))
    assert len(lines) == len(named)
    assert all(part in line for part, line in zip(named, lines, strict=True))


def test_vllm_is_told_what_was_said_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    from server.engine import launcher

    monkeypatch.setattr(launcher, "fit_cpu", lambda args: None)
    start = parse(["serve", "mini", "--scorer-batch", "4", "--additional-config", '{"theirs": 1}'])
    assert engine_arguments(start).additional_config == {"theirs": 1, "unsay": {"scorer_batch": 4}}
    with pytest.raises(StartError, match="--additional-config: leave unsay out"):
        engine_arguments(Start(start.settings, ("mini", "--additional-config", '{"unsay": {}}')))


async def test_upstreams_are_met_before_anybody_is_served_and_closed_at_the_end(
    metrics: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from server.engine.upstream import link
    from tests.engine.upstream.scripted import Network, Upstream

    network, made = Network(a=Upstream()), list[httpx.AsyncClient]()
    client_of = link.http_client

    def scripted(key: str | None) -> httpx.AsyncClient:
        assert key == "sesame"
        made.append(client_of(key, network))
        return made[0]

    monkeypatch.setattr(link, "http_client", scripted)
    monkeypatch.setenv(KEY, "sesame")
    start = parse(["serve", "mini", "--scorer", SCRIPTED, "--upstream", "http://a/"])
    args = engine_arguments(start)
    with pytest.raises(StartError, match="http://a: its tokenizer is not that of unsay-mini"):
        await upstreams(args).__aenter__()
    tokenizer = Tokenizer.from_file(str(BUNDLED_MODEL / "tokenizer.json"))
    network.upstreams["a"].tokenize = lambda text: tokenizer.encode(text, add_special_tokens=False).ids
    made.clear()
    async with upstreams(args) as served:
        assert served.inner.answering and not served.exact and not served.spells
        await served.closing.aclose()
    assert made[0].is_closed
