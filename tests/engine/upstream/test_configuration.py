"""vLLM's configuration without an engine, and flags of an engine that is elsewhere."""

import argparse
from pathlib import Path

import pytest

from server.embedded import Models
from server.engine import launcher
from server.engine.upstream.client import UpstreamClient
from server.engine.upstream.configuration import without_engine
from server.errors import StartError
from server.settings import BUNDLED_MODEL_NAME


def parse(*words: str) -> argparse.Namespace:
    return launcher.parse(words, Models(Path("/no/cache"), lambda line: None), elsewhere=True)


def test_it_has_the_model_its_limits_and_its_parsers(base: UpstreamClient) -> None:
    config = base.vllm_config
    assert config.model_config.served_model_name == BUNDLED_MODEL_NAME
    assert config.model_config.max_model_len == 1024 and config.model_config.quantization is None
    assert config.reasoning_config is None
    args = parse("mini", "--max-model-len", "256")
    assert without_engine(args).model_config.max_model_len == 256
    with pytest.raises(StartError, match="DeepSeekR1ReasoningParser"):  # which looks for its tokens in vain
        without_engine(parse("mini", "--reasoning-parser", "deepseek_r1"))


def test_no_such_model_is_one_line(tmp_path: Path) -> None:
    args = parse(str(tmp_path))
    with pytest.raises(StartError, match=f"model {tmp_path}"):
        without_engine(args)


@pytest.mark.parametrize(
    "flag",
    [
        ("--tensor-parallel-size", "2"),
        ("--gpu-memory-utilization", "0.5"),
        ("--quantization", "fp8"),
        ("--scheduler-cls", "x.Y"),
        ("--enable-lora",),
        ("--lora-modules", "a=b"),
    ],
)
def test_what_is_said_of_an_engine_is_refused(flag: tuple[str, ...]) -> None:
    with pytest.raises(StartError, match=f"{flag[0]}: nothing is computed here"):
        parse("mini", *flag)


def test_flags_of_the_server_and_of_the_model_are_its_own() -> None:
    parse("mini", "--max-model-len", "256", "--enable-auto-tool-choice", "--tool-call-parser", "hermes", "--port", "1")


def test_a_model_has_to_be_named() -> None:
    with pytest.raises(StartError, match="--upstream: name MODEL"):
        parse("--port", "8001")
