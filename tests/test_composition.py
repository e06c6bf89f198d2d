"""What server/composition.py puts together, as far as it needs no engine; the rest of it is for tests/journeys."""

from contextlib import AsyncExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry, generate_latest

from filters.batcher import Batcher
from filters.judge import Judge
from filters.scorers import versions
from filters.scorers.scripted import ScriptedScorer
from filters.scorers.state import State, write_state
from server import composition
from server.composition import guard
from server.generation.capacity import Bounds
from server.learned import Learned
from server.limits import Limits, Room
from server.policy.catalog import builtin, load
from server.reloading import Current, Reloaded
from server.telemetry.metrics import Metrics
from server.told import Told
from tests.generation.stage import PairList
from tests.telemetry.words import values
from tests.test_learned import Classifier, saved


def engine() -> Any:
    """What is asked of vLLM's engine before it answers anything."""
    tokenizer = SimpleNamespace(encode=lambda text, add_special_tokens: [1, 2])
    model = SimpleNamespace(served_model_name="m")
    scheduler = SimpleNamespace(scheduler_cls=None, max_num_seqs=8)
    parallel = SimpleNamespace(data_parallel_size=1, _api_process_rank=0, _api_process_count=1)
    config = SimpleNamespace(scheduler_config=scheduler, parallel_config=parallel, model_config=model)
    return SimpleNamespace(renderer=SimpleNamespace(tokenizer=tokenizer), vllm_config=config)


LIMITS = Limits(choices=3)


def test_the_guard_has_what_it_is_given() -> None:
    judge, pairs, closing = Judge(Batcher(ScriptedScorer({}))), PairList(), AsyncExitStack()
    client = guard(
        engine(),
        judge,
        Current(builtin()),
        Metrics(CollectorRegistry()),
        closing,
        allow_loosen=True,
        told=Told(pairs),
        limits=LIMITS,
        room=Room(backlog_seconds=1.0),
    )
    assert (client.services.judge, client.services.pairs, client.closing) == (judge, pairs, closing)
    assert (client.services.model, client.exact, client.allow_loosen) == ("m", False, True)
    assert client.services.capacity.bounds == Bounds(choices=16, backlog_seconds=1.0)
    assert client.services.encode("a mask") == [1, 2] and client.services.limits == LIMITS


async def test_files_are_looked_at_every_round_and_new_policies_are_counted_from_0_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds: list[Any] = []

    def tended(lifespan: Any, *args: Any, round_: Any, **options: Any) -> Any:
        rounds.append(round_)
        return lifespan

    monkeypatch.setattr(composition, "tended", tended)
    registry, path = CollectorRegistry(), tmp_path / "policies.yaml"
    path.write_text("{default: a, policies: {a: {}}}")
    metrics = Metrics(registry)
    catalog = Reloaded("policies", path, load, metrics)
    judge = Judge(Batcher(ScriptedScorer({})))
    client = guard(engine(), judge, catalog, metrics, AsyncExitStack(), allow_loosen=False)
    client.look_after(FastAPI())
    path.write_text("{default: new, policies: {new: {}}}")
    for _ in range(2):
        rounds[0](SimpleNamespace(server_state=SimpleNamespace(connections=set())))
    assert catalog.reading is not None
    await catalog.reading
    assert client.default_policy.name == "new"
    page = generate_latest(registry).decode()
    assert values(page, "unsay_requests_total", "policy") == {"a", "new"}
    assert registry.get_sample_value("unsay_reloads_total", {"file": "policies", "result": "loaded"}) == 1


async def test_what_was_learned_is_looked_after_with_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds: list[Any] = []

    def tended(lifespan: Any, *args: Any, round_: Any, **options: Any) -> Any:
        rounds.append(round_)
        return lifespan

    monkeypatch.setattr(composition, "tended", tended)
    metrics, judge = Metrics(CollectorRegistry()), Judge(Batcher(classifier := Classifier()))
    learned = Learned(tmp_path, classifier, metrics)
    client = guard(engine(), judge, Current(builtin()), metrics, AsyncExitStack(), allow_loosen=False, learned=learned)
    client.look_after(FastAPI())
    write_state(tmp_path, State(current=saved(tmp_path, "spoilers")))
    for _ in range(2):
        rounds[0](SimpleNamespace(server_state=SimpleNamespace(connections=set())))
    assert learned.file.reading is not None
    await learned.file.reading
    assert judge.gate == versions.names(tmp_path)[0]
