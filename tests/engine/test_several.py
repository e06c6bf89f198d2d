"""Which API server a process is, by what vLLM says of it."""

from types import SimpleNamespace

import pytest
from vllm.config import ParallelConfig
from vllm.engine.arg_utils import AsyncEngineArgs

from server.engine.several import Server, server_of


@pytest.mark.parametrize(("index", "expected"), [(-1, False), (0, True), (2, True)])
def test_it_is_told_by_a_configuration_and_by_arguments(index: int, expected: bool) -> None:
    parallel = ParallelConfig(_api_process_count=3, _api_process_rank=index)
    found = server_of(SimpleNamespace(parallel_config=parallel))
    assert found == server_of(SimpleNamespace(_api_process_rank=index, _api_process_count=3)) == Server(index, 3)
    assert found.is_one_of_several is expected


def test_alone_it_is_the_first_of_one() -> None:
    args = AsyncEngineArgs(model="m")
    assert server_of(args) == Server() and not server_of(args).is_one_of_several
