"""What server/app.py puts together, as far as it needs no engine; the rest of it is for tests/journeys."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from filters.batcher import Batcher
from filters.judge import Judge
from filters.scorers.scripted import ScriptedScorer
from server import app
from server.app import GENERATING, engine_arguments, guard, introduce, prepare, warn
from server.configuration import Settings, Start, parse
from server.errors import StartError
from server.policy.catalog import builtin
from server.telemetry import logs
from server.telemetry.metrics import Metrics
from server.telemetry.pairs import PairFile
from tests.contract.rigs import SCRIPTED
from tests.generation.stage import PairList
from tests.telemetry.words import VERDICTS, WORDS, values


@pytest.fixture(scope="module")
def page() -> str:
    """The metrics of a server that has not answered anything yet."""
    registry = CollectorRegistry()
    introduce(Metrics(registry), builtin(), "scripted", "tiny")
    return generate_latest(registry).decode()


@pytest.mark.parametrize(("series", "label"), WORDS)
def test_a_fresh_page_has_every_word_of_a_closed_label_and_no_other(page: str, series: str, label: str) -> None:
    assert values(page, series, label) == WORDS[series, label]


@pytest.mark.parametrize("series", ["unsay_spans_total", "unsay_prompts_total"])
def test_a_fresh_page_has_the_verdicts_that_need_no_category(page: str, series: str) -> None:
    assert values(page, series, "verdict") == VERDICTS
    assert values(page, series, "category") == {"none"}
    assert values(page, series, "policy") == set(builtin().policies)
    assert values(page, series, "model") == {"tiny"}


def test_every_combination_is_there_once_with_the_value_0(page: str) -> None:
    counted = Counter(
        line.split("{")[0] for line in page.splitlines() if line.startswith("unsay_") and line[-4:] == " 0.0"
    )
    assert counted["unsay_rewinds_total"] == 8 * 3
    assert counted["unsay_requests_total"] == 7 * len(GENERATING) * len(builtin().policies)


def test_a_fresh_page_names_what_runs_here(page: str) -> None:
    assert values(page, "unsay_build_info", "scorer") == {"scripted"}
    assert values(page, "unsay_build_info", "model") == {"tiny"}


def engine() -> Any:
    """What is asked of vLLM's engine before it answers anything."""
    tokenizer = SimpleNamespace(encode=lambda text, add_special_tokens: [1, 2])
    model = SimpleNamespace(served_model_name="m")
    config = SimpleNamespace(scheduler_config=SimpleNamespace(scheduler_cls=None), model_config=model)
    return SimpleNamespace(renderer=SimpleNamespace(tokenizer=tokenizer), vllm_config=config)


def test_the_guard_has_what_it_is_given() -> None:
    judge, pairs, closing = Judge(Batcher(ScriptedScorer({}))), PairList(), AsyncExitStack()
    client = guard(engine(), judge, builtin(), Metrics(CollectorRegistry()), closing, allow_loosen=True, pairs=pairs)
    assert (client.services.judge, client.services.pairs, client.closing) == (judge, pairs, closing)
    assert (client.services.model, client.exact, client.allow_loosen) == ("m", False, True)
    assert client.services.encode("a mask") == [1, 2]


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
