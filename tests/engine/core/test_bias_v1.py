"""The first runner's processor follows the batch: rows come, move, change places and go."""

from typing import Any

import pytest
import torch
from vllm.sampling_params import SamplingParams
from vllm.v1.sample.logits_processor import BatchUpdate, MoveDirectionality

from server.engine.core.bias import FORBIDDEN
from server.engine.core.bias_v1 import BiasV1
from server.engine.core.changes import Changes


def params(*banned: int, at: int = 0) -> SamplingParams:
    return SamplingParams(extra_args=Changes("a", banned={at: banned}).put_into(None) if banned else None)


def update(added: Any = (), removed: Any = (), moved: Any = ()) -> BatchUpdate:
    return BatchUpdate(batch_size=4, removed=list(removed), added=list(added), moved=list(moved))


@pytest.fixture
def bias() -> BiasV1:
    """Rows 0 and 2 ban a token each, row 1 none."""
    made = BiasV1(None, None, False)
    made.update_state(update([(0, params(1), [5], []), (1, params(), [5], []), (2, params(3), [5], [])]))
    return made


def banned(bias: BiasV1) -> dict[int, list[int]]:
    found = bias.apply(torch.zeros(4, 6))
    return {row: (found[row] == FORBIDDEN).nonzero().flatten().tolist() for row in range(4)}


def test_each_row_has_its_own_bans(bias: BiasV1) -> None:
    assert banned(bias) == {0: [1], 1: [], 2: [3], 3: []}
    bias.update_state(None)
    assert banned(bias) == {0: [1], 1: [], 2: [3], 3: []}


def test_rows_move_and_go(bias: BiasV1) -> None:
    bias.update_state(update(moved=[(2, 1, MoveDirectionality.UNIDIRECTIONAL)], removed=[1]))
    assert banned(bias) == {0: [1], 1: [3], 2: [], 3: []}
    bias.update_state(update(moved=[(0, 1, MoveDirectionality.SWAP)]))
    assert banned(bias) == {0: [3], 1: [1], 2: [], 3: []}
    bias.update_state(update(removed=[0, 1]))
    assert banned(bias) == {0: [], 1: [], 2: [], 3: []}


def test_a_row_that_is_taken_over_forgets_its_bans(bias: BiasV1) -> None:
    bias.update_state(update(added=[(0, params(), [5], [])]))
    assert banned(bias)[0] == []


def test_the_position_is_that_of_the_live_list_of_tokens() -> None:
    drawn: list[int] = []
    bias = BiasV1(None, None, False)
    bias.update_state(update(added=[(0, params(2, at=1), [5], drawn)]))
    assert banned(bias)[0] == []
    drawn.append(4)
    assert banned(bias)[0] == [2]
    drawn.append(4)
    assert banned(bias)[0] == []


def test_it_may_change_the_likeliest_token(bias: BiasV1) -> None:
    assert not bias.is_argmax_invariant()
