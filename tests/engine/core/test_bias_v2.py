"""The second runner's processor knows requests by slot."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from vllm.sampling_params import SamplingParams
from vllm.v1.worker.gpu.sample.logits_processor import LogitsContext

from server.engine.core.bias import FORBIDDEN
from server.engine.core.bias_v2 import BiasV2
from server.engine.core.changes import Changes


def params(*banned: int, at: int = 0) -> SamplingParams:
    return SamplingParams(extra_args=Changes("a", banned={at: banned}).put_into(None) if banned else None)


def made() -> BiasV2:
    return BiasV2(None, SimpleNamespace(prompt_len=SimpleNamespace(np=np.array([3, 5, 2]))))


def banned(bias: BiasV2, slots: list[int], lengths: list[int]) -> list[list[int]]:
    context: Any = SimpleNamespace(idx_mapping_np=np.array(slots), seq_lens_upper_bound_np=np.array(lengths))
    found = bias.apply(torch.zeros(len(slots), 6), context)
    return [(row == FORBIDDEN).nonzero().flatten().tolist() for row in found]


def test_a_slot_that_changes_nothing_is_left_alone() -> None:
    bias = made()
    assert not bias.add_request(0, params())
    assert bias.add_request(1, params(4))
    assert banned(bias, [1, 0], [5, 3]) == [[4], []]


def test_the_position_is_what_was_drawn_behind_the_prompt() -> None:
    bias = made()
    bias.add_request(2, params(4, at=2))
    assert [banned(bias, [2], [length])[0] for length in (2, 3, 4, 5)] == [[], [], [4], []]


def test_a_slot_that_is_taken_again_forgets_its_bans() -> None:
    bias = made()
    bias.add_request(1, params(4))
    assert not bias.add_request(1, params())
    assert banned(bias, [1], [5]) == [[]]


def test_vllm_tells_what_is_read() -> None:
    names = set(LogitsContext.__annotations__)
    assert {"idx_mapping_np", "seq_lens_upper_bound_np"} <= names, f"vLLM's LogitsContext has {sorted(names)}"
