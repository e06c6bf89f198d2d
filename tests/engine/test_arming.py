"""When vLLM is taught to rewind by itself, and what is said when it is not."""

import logging
from types import SimpleNamespace
from typing import Any

import pytest
import vllm

from server.engine import arming
from server.engine.arming import arm, armed, obstacle_in


def config(v2: bool = False, asynchronous: bool = False, **changes: Any) -> Any:
    made = SimpleNamespace(
        speculative_config=None,
        kv_transfer_config=None,
        ec_transfer_config=None,
        use_v2_model_runner=v2,
        parallel_config=SimpleNamespace(pipeline_parallel_size=1, worker_extension_cls=""),
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


def test_this_vllm_is_the_one_that_is_known() -> None:
    assert vllm.__version__.startswith(arming.MINOR)


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


@pytest.mark.parametrize("version", ["0.31.9", "0.33.0", "1.0.32.0", "0.320.0"])
def test_another_minor_version_is_not_reached_into(version: str) -> None:
    assert obstacle_in(config(), version) == f"vLLM {version} is not 0.32.x"
