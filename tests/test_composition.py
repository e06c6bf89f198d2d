"""What server/composition.py puts together, as far as it needs no engine; the rest of it is for tests/journeys."""

from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry, generate_latest

from filters.batcher import Batcher
from filters.judge import Judge
from filters.scorers.scripted import ScriptedScorer
from server import composition
from server.composition import GENERATING, guard, introduce
from server.generation.capacity import Bounds
from server.limits import Limits, Room
from server.policy.catalog import builtin, load
from server.reloading import Current, Reloaded
from server.telemetry.metrics import Metrics
from server.told import Told
from tests.generation.stage import PairList
from tests.telemetry.words import VERDICTS, WORDS, values


@pytest.fixture(scope="module")
def page() -> str:
    """The metrics of a server that has not answered anything yet."""
    registry = CollectorRegistry()
    scorer = ScriptedScorer({}, languages=frozenset({"en", "de", "no such code"}))
    introduce(Metrics(registry), builtin(), Judge(Batcher(scorer)), "tiny")
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


def test_a_fresh_page_has_the_languages_that_are_read(page: str) -> None:
    assert values(page, "unsay_languages_total", "language") == {"en", "de", "other", "unknown"}


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
    scheduler, parallel = SimpleNamespace(scheduler_cls=None, max_num_seqs=8), SimpleNamespace(data_parallel_size=1)
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
