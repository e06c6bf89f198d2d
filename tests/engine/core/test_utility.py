"""The utility that takes a rewind to vLLM's scheduler and workers, and how it comes into vLLM."""

from types import MethodType, SimpleNamespace
from typing import Any

import pytest
from vllm.v1.engine.core import EngineCore, EngineCoreProc

from server.engine.core.utility import add_utilities_to_vllm, unsay_ignore_interrupts, unsay_rewind
from server.engine.core.worker import RewindingWorker
from tests.engine.core.simulation import scheduler


@pytest.fixture
def untouched(monkeypatch: pytest.MonkeyPatch) -> None:
    """vLLM as it comes: an earlier test may have made a scheduler of ours."""
    monkeypatch.setattr(EngineCore, "unsay_rewind", None, raising=False)
    monkeypatch.delattr(EngineCore, "unsay_rewind")


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("asynchronous", [False, True], ids=["synchronous", "asynchronous"])
def test_a_scheduler_of_ours_brings_it_into_the_process_where_it_is_made(asynchronous: bool) -> None:
    scheduler(asynchronous)
    assert EngineCoreProc.unsay_rewind is unsay_rewind
    assert EngineCoreProc.unsay_ignore_interrupts is unsay_ignore_interrupts


@pytest.mark.usefixtures("untouched")
def test_vllm_takes_it_for_one_of_its_own() -> None:
    """The engine core looks it up by name, and converts its arguments by its annotations."""
    assert not hasattr(EngineCoreProc, "unsay_rewind")
    add_utilities_to_vllm()
    given = ("key", [1, 2], {"temperature": 0.5})
    method: Any = MethodType(EngineCoreProc.unsay_rewind, object())
    assert tuple(EngineCoreProc._convert_msgspec_args(method, given)) == given


def test_engine_and_workers_are_told_to_ignore_interrupts() -> None:
    told: list[str] = []
    core: Any = SimpleNamespace(collective_rpc=told.append)
    unsay_ignore_interrupts(core)
    assert told == ["unsay_ignore_interrupts"] and hasattr(RewindingWorker, told[0])


@pytest.mark.parametrize("v2", [False, True], ids=["first runner", "second runner"])
def test_only_the_first_runner_is_told_of_a_rewind(v2: bool) -> None:
    told: list[Any] = []
    found = SimpleNamespace(request_id="r", sampling_params="new")
    rewinding = SimpleNamespace(rewind=lambda *_: (found, 5), use_v2_model_runner=v2)
    core: Any = SimpleNamespace(scheduler=rewinding, collective_rpc=lambda name, args: told.append((name, args)))
    assert unsay_rewind(core, "k", [1, 2], {}) == 5
    assert told == ([] if v2 else [("unsay_rewound", ("r", [1, 2], "new"))])


def test_what_the_scheduler_cannot_rewind_no_worker_is_told_of() -> None:
    core: Any = SimpleNamespace(scheduler=SimpleNamespace(rewind=lambda *_: None))
    assert unsay_rewind(core, "k", [1, 2], {}) is None
