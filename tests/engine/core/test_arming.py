"""When vLLM is taught to rewind by itself, and what is said when it is not."""

import logging
from types import SimpleNamespace
from typing import Any

import pytest
from vllm.engine.arg_utils import AsyncEngineArgs
from vllm.utils.import_utils import resolve_obj_by_qualname
from vllm.v1.sample.logits_processor import _load_custom_logitsprocs
from vllm.v1.worker.gpu.sample.logits_processor.loader import _load_v2_logitsprocs

from server.engine.core import arming
from server.engine.core.arming import SCHEDULER, arm, armed, ignore_interrupts, obstacle_in
from server.engine.core.bias_v1 import BiasV1
from server.engine.core.bias_v2 import BiasV2
from server.engine.core.scheduler import AsyncRewindingScheduler, RewindingScheduler
from server.engine.core.worker import RewindingWorker
from server.engine.plugged import arm_configurations
from server.settings import BUNDLED_MODEL


def config(v2: bool = False, asynchronous: bool = False, **changes: Any) -> Any:
    made = SimpleNamespace(
        speculative_config=None,
        kv_transfer_config=None,
        ec_transfer_config=None,
        use_v2_model_runner=v2,
        parallel_config=SimpleNamespace(
            pipeline_parallel_size=1, worker_extension_cls="", _api_process_rank=0, _api_process_count=1
        ),
        model_config=SimpleNamespace(
            is_encoder_decoder=False, runner_type="generate", is_diffusion=False, logits_processors=["theirs"]
        ),
        scheduler_config=SimpleNamespace(async_scheduling=asynchronous, scheduler_cls=None),
    )
    for path, value in changes.items():
        *parents, name = path.split("__")
        owner = made
        for parent in parents:
            owner = getattr(owner, parent)
        setattr(owner, name, value)
    return made


@pytest.mark.parametrize("v2", [False, True])
@pytest.mark.parametrize("asynchronous", [False, True])
def test_our_parts_are_put_into_the_configuration(v2: bool, asynchronous: bool) -> None:
    made = config(v2, asynchronous)
    arm(made, "0.32.4")
    expected = arming.ASYNC_SCHEDULER if asynchronous else arming.SCHEDULER
    assert made.scheduler_config.scheduler_cls == expected
    assert made.model_config.logits_processors == ["theirs", arming.BIAS_V2 if v2 else arming.BIAS_V1]
    assert made.parallel_config.worker_extension_cls == arming.WORKER
    assert armed(SimpleNamespace(vllm_config=made))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"speculative_config": object()}, "speculative decoding"),
        ({"kv_transfer_config": object()}, "a KV connector"),
        ({"ec_transfer_config": object()}, "an encoder cache connector"),
        ({"parallel_config__pipeline_parallel_size": 2}, "pipeline parallelism"),
        ({"model_config__is_encoder_decoder": True}, "an encoder-decoder model"),
        ({"model_config__runner_type": "pooling"}, "a model that is not for generation"),
        ({"model_config__is_diffusion": True}, "a diffusion model"),
        ({"scheduler_config__scheduler_cls": "a.B"}, "another scheduler (--scheduler-cls)"),
        ({"parallel_config__worker_extension_cls": "a.B"}, "another worker extension (--worker-extension-cls)"),
    ],
)
def test_what_cannot_be_served_is_left_alone_and_the_log_says_why_once(
    changes: dict[str, Any], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    made = config(**changes)
    with caplog.at_level(logging.WARNING, "unsay.engine"):
        arm(made, "0.32.0")
    (record,) = caplog.records
    assert record.getMessage().startswith("rewinding by resubmission") and record.__dict__["reason"] == reason
    assert not armed(SimpleNamespace(vllm_config=made)) and made.model_config.logits_processors == ["theirs"]


@pytest.mark.parametrize("version", ["0.31.9", "0.34.0", "1.0.32.0", "0.320.0"])
def test_another_minor_version_is_not_reached_into(version: str) -> None:
    assert obstacle_in(config(), version) == f"vLLM {version} is not 0.32.x or 0.33.x"


@pytest.mark.parametrize("version", ["0.32.0", "0.32.4", "0.33.0"])
def test_both_minor_versions_are(version: str) -> None:
    assert obstacle_in(config(), version) is None


@pytest.mark.parametrize(("words", "expected"), [({}, True), ({"scheduler_cls": "a.B"}, False)])
def test_vllms_own_configuration_is_armed_when_it_is_made(
    words: dict[str, str], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AsyncEngineArgs, "create_engine_config", AsyncEngineArgs.create_engine_config)  # undone after
    arm_configurations()
    made = AsyncEngineArgs(model=str(BUNDLED_MODEL), dtype="float32", **words).create_engine_config()
    assert armed(SimpleNamespace(vllm_config=made)) is expected


def test_vllm_finds_our_parts_by_the_names_that_it_is_given() -> None:
    assert resolve_obj_by_qualname(arming.SCHEDULER) is RewindingScheduler
    assert resolve_obj_by_qualname(arming.ASYNC_SCHEDULER) is AsyncRewindingScheduler
    assert resolve_obj_by_qualname(arming.WORKER) is RewindingWorker
    assert BiasV1 in _load_custom_logitsprocs([arming.BIAS_V1])
    assert BiasV2 in _load_v2_logitsprocs([arming.BIAS_V2])


def test_another_version_is_said_once_and_nothing_is_armed(caplog: pytest.LogCaptureFixture) -> None:
    made = config()
    with caplog.at_level(logging.WARNING, "unsay.engine"):
        arm(made, "0.34.0")
    assert [record.__dict__["reason"] for record in caplog.records] == ["vLLM 0.34.0 is not 0.32.x or 0.33.x"]
    assert made.scheduler_config.scheduler_cls is None and not made.parallel_config.worker_extension_cls


@pytest.mark.parametrize(("made", "expected"), [(SCHEDULER, ["unsay_ignore_interrupts"]), (None, [])])
async def test_only_an_armed_engine_can_be_told_to_ignore_interrupts(made: str | None, expected: list[str]) -> None:
    told: list[str] = []

    async def call(name: str) -> None:
        told.append(name)

    config = SimpleNamespace(scheduler_config=SimpleNamespace(scheduler_cls=made))
    core = SimpleNamespace(call_utility_all_async=call)
    await ignore_interrupts(SimpleNamespace(vllm_config=config, engine_core=core))
    assert told == expected
