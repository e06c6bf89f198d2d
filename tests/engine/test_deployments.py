"""What deploy/ has vLLM started with are flags that vLLM knows."""

import pytest
from vllm.entrypoints.launchers.cli_args import make_arg_parser
from vllm.utils.argparse_utils import FlexibleArgumentParser

from tests.deploy.charts import SETS, container
from tests.deploy.test_platforms import container as of_platform


def parse(words: list[str]) -> dict[str, object]:
    return dict(vars(make_arg_parser(FlexibleArgumentParser(exit_on_error=False)).parse_args(words)))


@pytest.mark.parametrize("name", SETS)
def test_vllm_takes_the_flags_of_the_chart(name: str) -> None:
    args = parse(container(name)["args"])
    assert args["port"] == 8000
    assert args["host"] is None, "vLLM then listens at every address of the pod"
    assert args["enable_chunked_prefill"] is (None if name == "gpu" else False)


@pytest.mark.parametrize("name", ["kserve", "llm-d"])
def test_vllm_takes_the_flags_of_a_platform(name: str) -> None:
    words = [word.replace("{{.Name}}", "name") for word in of_platform(name)["args"]]
    assert parse(words)["max_model_len"] == 16384
