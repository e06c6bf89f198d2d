"""What server/app.py puts together, as far as it needs no engine; the rest of it is for tests/journeys."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from filters.scorer import ScorerLoadError
from server import app, files, plugin
from server.app import engine_arguments, prepare, warn
from server.configuration import Settings, Start, parse
from server.engine.several import Server
from server.errors import StartError
from server.telemetry import logs
from server.telemetry.metrics import Metrics
from server.telemetry.pairs import PairFile
from tests.contract.rigs import SCRIPTED
from tests.test_composition import engine


@pytest.fixture
def metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of metrics for each server, of which a process has but one, and the logs of the tests as they are."""
    monkeypatch.setattr(app, "Metrics", lambda: Metrics(CollectorRegistry()))
    monkeypatch.setattr(logs, "configure", lambda level, format_: None)


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


def write(file: Path, content: str) -> Path:
    file.write_text(content)
    return file


HASH = "e" * 64


async def test_keys_and_policies_of_a_server_are_those_of_its_files(
    metrics: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also once the files have changed, and a broken one changes nothing."""
    monkeypatch.setenv("VLLM_PLUGINS", "unsay")
    policies = write(tmp_path / "p.yaml", "{default: a, policies: {a: {}, b: {}}}")
    keys = write(tmp_path / "k.yaml", f"keys: {{app: {{hash: {HASH}, policies: [b]}}}}")
    client = prepare({"unsay": {"scorer": SCRIPTED, "policy_file": str(policies), "keys_file": str(keys)}})(engine())
    said: list[Any] = []
    monkeypatch.setattr(files.log, "warning", lambda line, extra: said.append(extra["problem"]))
    assert client.keys is not None and [key.name for key in client.keys.value] == ["app"]
    write(keys, f"keys: {{other: {{hash: {HASH}, policies: [c, a]}}}}")
    write(policies, "{default: d, policies: {d: {}}}")
    for file in (client.keys, client.catalog):
        await renewed(file)
    assert [key.name for key in client.keys.value] == ["other"] and client.default_policy.name == "d"
    assert set(client.default_policy.thresholds) == {"toxicity", "insult"}, "those of its scorer"
    assert said == ["keys.other.policies: 'c': unknown policy; known: a, b"]
    write(policies, "{default: d, policies: {d: {thresholds: {hate: 1}}}}")
    await renewed(client.catalog)
    assert client.default_policy.name == "d" and "hate" not in client.default_policy.thresholds
    await client.closing.aclose()


async def renewed(file: Any) -> None:
    """Look at a file as often as it takes."""
    for _ in range(2):
        file.look()
    await file.reading


@pytest.mark.parametrize(
    ("plugins", "told", "line"),
    [
        (
            "unsay",
            {"keys_file": "k.yaml"},
            "k.yaml: keys.app.policies: 'strikt': unknown policy, did you mean",
        ),
        ("", {"keys_file": "k.yaml"}, "nobody would be asked for a key; set VLLM_PLUGINS=unsay"),
        ("", {"pages_need_key": True}, "nobody would be asked for a key"),
        ("unsay", {"rate_limits_url": "http://x"}, "rate_limits_url: expected memory://"),
    ],
)
async def test_keys_that_cannot_be_asked_for_end_the_start(
    plugins: str,
    told: dict[str, Any],
    line: str,
    metrics: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VLLM_PLUGINS", plugins)
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "k.yaml", f"keys: {{app: {{hash: {HASH}, policies: [strikt]}}}}")
    with pytest.raises(StartError, match=line):
        prepare({"unsay": {"scorer": SCRIPTED, **told}})


@pytest.mark.parametrize(
    ("told", "named"),
    [
        ({"scorer_batch": 0}, "unsay.scorer_batch"),
        ({"scorer": SCRIPTED, "policy_file": "/no/such"}, "/no/such"),
        ({"scorer": SCRIPTED, "learned": "/no/such"}, "--learned /no/such: only beside detoxify"),
    ],
)
async def test_what_does_not_fit_is_told_before_there_is_an_engine(
    told: dict[str, Any], named: str, metrics: None
) -> None:
    with pytest.raises(StartError, match=named):
        prepare({"unsay": told})


async def test_a_server_asks_the_scorer_that_is_shared(metrics: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the settings say of one: they were for that process."""
    monkeypatch.setenv("_UNSAY_SHARED_SCORER", "http://127.0.0.1:9")
    with pytest.raises(ScorerLoadError, match=r"remote:http://127.0.0.1:9: no answer"):
        prepare({"unsay": {"scorer_device": "cuda", "scorer_threads": 4}}, server=Server(1, 2))


async def test_sharing_is_for_several_servers(metrics: None) -> None:
    with pytest.raises(StartError, match="scorer_process: there is one API server"):
        prepare({"unsay": {"scorer": SCRIPTED, "scorer_process": "shared"}})


async def test_limits_that_each_server_would_count_are_refused_by_each(
    metrics: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the file has changed since: then the old one stays in force."""
    monkeypatch.setenv("VLLM_PLUGINS", "unsay")
    keys = write(tmp_path / "k.yaml", f"keys: {{app: {{hash: {HASH}, requests_per_minute: 3}}}}")
    told = {"unsay": {"scorer": SCRIPTED, "keys_file": str(keys)}}
    with pytest.raises(StartError, match="each of 2 API servers would count"):
        prepare(told, server=Server(0, 2))
    client = prepare(told)(engine())
    await client.closing.aclose()


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
        (True, {"VLLM_PLUGINS": "a,unsay"}, ["--allow-loosen", "--allow-trace"]),
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
    warn(Settings(allow_loosen=loosen, allow_trace=loosen))
    assert len(lines) == len(named)
    assert all(part in line for part, line in zip(named, lines, strict=True))


def test_vllm_is_told_what_was_said_and_no_more() -> None:
    start = parse(["serve", "mini", "--scorer-batch", "4", "--additional-config", '{"theirs": 1}'])
    assert engine_arguments(start).additional_config == {"theirs": 1, "unsay": {"scorer_batch": 4}}
    with pytest.raises(StartError, match="--additional-config: leave unsay out"):
        engine_arguments(Start(start.settings, ("mini", "--additional-config", '{"unsay": {}}')))


def test_before_upstreams_there_is_one_server() -> None:
    start = parse(["serve", "mini", "--upstream", "http://127.0.0.1:9", "--api-server-count", "2"])
    with pytest.raises(StartError, match="--api-server-count: before upstreams there is one server"):
        engine_arguments(start)


@pytest.mark.parametrize(
    ("words", "expected"), [((), "one"), (("--api-server-count", "1"), "one"), (("--api-server-count", "2"), "several")]
)
def test_vllm_starts_as_many_servers_as_it_is_asked_for(
    words: tuple[str, ...], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from server.engine import launcher, quiet

    started: list[str] = []

    async def one(address: str, sock: object, args: object) -> None:
        started.append("one")

    monkeypatch.setattr(launcher, "bind", lambda args: ("http://x", None))
    monkeypatch.setattr(launcher, "serve", one)
    monkeypatch.setattr(launcher, "serve_several", lambda sock, args: started.append("several"))
    monkeypatch.setattr(plugin, "check_in_place", lambda: None)
    monkeypatch.setattr(quiet, "hide_progress", lambda: None)
    app.run(parse(["serve", "mini", *words]))
    assert started == [expected]
