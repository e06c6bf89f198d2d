"""What the exact rewind leans on inside vLLM is there, and as it was; a failure says which name has moved.

These are no interfaces of vLLM's: a new minor version may move them. What to do then: server/engine/core/__init__.py.
"""

import inspect
from dataclasses import fields
from typing import Any

import pytest
from vllm import SamplingParams
from vllm.v1.core.sched.async_scheduler import AsyncScheduler
from vllm.v1.core.sched.output import CachedRequestData, NewRequestData, SchedulerOutput
from vllm.v1.core.sched.scheduler import Scheduler
from vllm.v1.engine import EngineCoreOutput
from vllm.v1.engine.async_llm import AsyncLLM
from vllm.v1.engine.core import EngineCore
from vllm.v1.engine.core_client import AsyncMPClient, DPAsyncMPClient, DPLBAsyncMPClient
from vllm.v1.outputs import AsyncModelRunnerOutput
from vllm.v1.request import Request, RequestStatus
from vllm.v1.sample.logits_processor import BatchUpdate, LogitsProcessor
from vllm.v1.sample.logits_processor.builtin import process_dict_updates
from vllm.v1.structured_output import StructuredOutputManager
from vllm.v1.structured_output.backend_types import StructuredOutputBackend, StructuredOutputGrammar
from vllm.v1.structured_output.backend_xgrammar import XgrammarGrammar
from vllm.v1.structured_output.request import StructuredOutputRequest
from vllm.v1.worker.gpu.input_batch import InputBatch as InputBatchV2
from vllm.v1.worker.gpu.model_runner import GPUModelRunner as GPUModelRunnerV2
from vllm.v1.worker.gpu.sample.logits_processor import LogitsProcessor as LogitsProcessorV2
from vllm.v1.worker.gpu.sample.logits_processor import LogitsProcRequestState
from vllm.v1.worker.gpu.sample.sampler import Sampler as SamplerV2
from vllm.v1.worker.gpu_input_batch import CachedRequestState, InputBatch
from vllm.v1.worker.gpu_model_runner import ExecuteModelState, GPUModelRunner
from vllm.v1.worker.worker_base import WorkerBase, WorkerWrapperBase

from server.engine.core.bias_v1 import BiasV1
from server.engine.core.bias_v2 import BiasV2
from server.engine.core.worker import RewindingWorker
from tests.engine.core.simulation import config, request, scheduler

SIGNATURES = [
    (Scheduler.add_request, ["self", "request"]),
    (Scheduler._free_request, ["self", "request", "delay_free_blocks"]),
    (Scheduler._preempt_request, ["self", "request", "timestamp", "drop_stale_output"]),
    (Scheduler._handle_blocked_waiting_request, ["self", "request"]),
    (Scheduler.update_from_output, ["self", "scheduler_output", "model_runner_output"]),
    (Request.append_output_token_ids, ["self", "token_ids"]),
    (StructuredOutputManager._get_reasoner, ["self", "request"]),
    (StructuredOutputManager.accept_tokens, ["self", "request", "new_token_ids"]),
    (StructuredOutputGrammar.accept_tokens, ["self", "request_id", "tokens"]),
    (StructuredOutputGrammar.rollback, ["self", "num_tokens"]),
    (StructuredOutputGrammar.is_terminated, ["self"]),
    (StructuredOutputGrammar.fill_bitmask, ["self", "bitmask", "batch_index"]),
    (StructuredOutputBackend.allocate_token_bitmask, ["self", "max_num_seqs"]),
    (EngineCore.collective_rpc, ["self", "method", "timeout", "args", "kwargs"]),
    (AsyncMPClient.call_utility_all_async, ["self", "method", "args"]),
    (LogitsProcessor.__init__, ["self", "vllm_config", "device", "is_pin_memory"]),
    (LogitsProcessor.update_state, ["self", "batch_update"]),
    (LogitsProcessor.apply, ["self", "logits"]),
    (LogitsProcessor.is_argmax_invariant, ["self"]),
    (process_dict_updates, ["req_entries", "batch_update", "new_state"]),
    (LogitsProcessorV2.__init__, ["self", "vllm_config", "req_states"]),
    (LogitsProcessorV2.add_request, ["self", "req_idx", "sampling_params"]),
    (LogitsProcessorV2.apply, ["self", "logits", "ctx"]),
    (GPUModelRunner.sample_tokens, ["self", "grammar_output"]),
    (GPUModelRunnerV2.sample_tokens, ["self", "grammar_output"]),
    (GPUModelRunnerV2.sample, ["self", "hidden_states", "input_batch", "grammar_output"]),
    (AsyncModelRunnerOutput.get_output, ["self"]),
]


@pytest.mark.parametrize(("function", "parameters"), SIGNATURES, ids=lambda value: getattr(value, "__qualname__", ""))
def test_the_function_takes_what_it_took(function: Any, parameters: list[str]) -> None:
    found = list(inspect.signature(function).parameters)
    assert found == parameters, f"vLLM's {function.__qualname__} now takes {found}"


OF_A_SCHEDULER = (
    "running waiting prev_step_scheduled_req_ids grammar_compile_error_reqs hash_block_size log_stats "
    "structured_output_manager use_v2_model_runner"
)
OF_A_REQUEST = (
    "request_id status sampling_params prompt_token_ids num_prompt_tokens output_token_ids num_output_tokens "
    "_output_token_ids _all_token_ids block_hashes spec_token_ids events drop_stale_output structured_output_request"
)
OF_A_CONFIGURATION = (
    "speculative_config kv_transfer_config ec_transfer_config use_v2_model_runner scheduler_config model_config "
    "parallel_config"
)


def owners() -> dict[str, tuple[Any, str]]:
    """By vLLM's name for it: something of vLLM's, and the attributes of it that are read or set."""
    kept = CachedRequestState("r", [1], [], SamplingParams(), None, ([],), 0, [])
    return {
        "Scheduler": (scheduler(False), OF_A_SCHEDULER),
        "Request": (request("r", [1, 2, 3], SamplingParams()), OF_A_REQUEST),
        "StructuredOutputRequest": (StructuredOutputRequest(None), "grammar reasoning_ended reasoner"),
        "StructuredOutputManager": (StructuredOutputManager(config()), "reasoner_cls enable_in_reasoning"),
        "XgrammarGrammar": (XgrammarGrammar(1, None, None), "num_processed_tokens"),
        "CachedRequestState": (kept, "output_token_ids sampling_params generator"),
        "VllmConfig": (config(), OF_A_CONFIGURATION),
        "SchedulerConfig": (config().scheduler_config, "scheduler_cls async_scheduling"),
        "ModelConfig": (config().model_config, "is_encoder_decoder runner_type is_diffusion logits_processors"),
        "ParallelConfig": (config().parallel_config, "pipeline_parallel_size worker_extension_cls"),
    }


@pytest.mark.parametrize("owner", owners())
def test_the_attributes_are_there(owner: str) -> None:
    found, names = owners()[owner]
    missing = [name for name in names.split() if not hasattr(found, name)]
    assert not missing, f"vLLM's {owner} lost {missing}"


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (SchedulerOutput, {"finished_req_ids", "preempted_req_ids", "num_scheduled_tokens", "scheduled_new_reqs"}),
        (NewRequestData, {"req_id", "prompt_token_ids", "prefill_token_ids", "sampling_params", "num_computed_tokens"}),
        (CachedRequestData, {"req_ids", "resumed_req_ids", "all_token_ids", "num_output_tokens"}),
        (BatchUpdate, {"removed", "added", "moved"}),
        (LogitsProcRequestState, {"prompt_len"}),
        (InputBatchV2, {"req_ids", "logits_indices"}),
    ],
)
def test_what_the_workers_are_told_has_its_fields(kind: Any, names: set[str]) -> None:
    missing = names - {field.name for field in fields(kind)}
    assert not missing, f"vLLM's {kind.__name__} lost {missing}"


@pytest.mark.parametrize(
    "name", ["RUNNING", "PREEMPTED", "WAITING", "WAITING_FOR_STRUCTURED_OUTPUT_GRAMMAR", "FINISHED_ABORTED"]
)
def test_the_status_exists(name: str) -> None:
    assert hasattr(RequestStatus, name), f"vLLM's RequestStatus lost {name}"


def test_the_first_runner_keeps_its_requests_where_they_are_exchanged() -> None:
    source = inspect.getsource(GPUModelRunner.__init__)
    for attribute in ("self.requests:", "self.device ="):
        assert attribute in source, f"vLLM's GPUModelRunner no longer sets {attribute}"


def test_a_probe_finds_what_it_looks_at() -> None:
    """In both runners: the states that logits are computed from, and where the logits processors are kept."""
    assert {"sample_hidden_states"} <= set(ExecuteModelState._fields)
    first, second = inspect.getsource(GPUModelRunner), inspect.getsource(GPUModelRunnerV2)
    for source in (first, second):
        assert "self.execute_model_state" in source and "compute_logits(sample_hidden_states)" in source
    assert "hidden_states[input_batch.logits_indices]" in second, "the second runner looks elsewhere now"
    assert "logitsprocs" in inspect.getsource(InputBatch.__init__)
    assert "self.logits_processors: list" in inspect.getsource(SamplerV2.__init__)
    assert "kv_transfer_params" in EngineCoreOutput.__struct_fields__, "there is no way for what is seen to the front"


def test_the_workers_have_no_name_of_ours() -> None:
    """vLLM refuses to start otherwise."""
    ours = {name for name in dir(RewindingWorker) if not name.startswith("__")}
    assert ours == {"unsay_rewound", "unsay_ignore_interrupts", "unsay_look"} and not ours & set(dir(WorkerBase))
    assert "worker_extension_cls" in inspect.getsource(WorkerWrapperBase)


def test_asynchronous_scheduling_overrides_nothing_that_is_overridden_here() -> None:
    ours = {"add_request", "_free_request", "_handle_blocked_waiting_request", "update_from_output"}
    assert not ours & set(vars(AsyncScheduler)), "vLLM's AsyncScheduler now has its own"


@pytest.mark.parametrize("client", [AsyncMPClient, DPAsyncMPClient, DPLBAsyncMPClient])
def test_every_client_of_engine_cores_can_ask_all_of_them(client: Any) -> None:
    assert inspect.iscoroutinefunction(client.call_utility_all_async)


def test_the_engine_has_its_client_under_the_name_that_is_used() -> None:
    assert "self.engine_core =" in inspect.getsource(AsyncLLM.__init__), "vLLM's AsyncLLM lost engine_core"


@pytest.mark.parametrize("kind", [BiasV1, BiasV2])
def test_the_logits_processors_leave_nothing_abstract(kind: Any) -> None:
    assert not inspect.isabstract(kind), f"vLLM's base of {kind.__name__} now asks for {kind.__abstractmethods__}"
