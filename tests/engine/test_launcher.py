"""The command line that is vLLM's, and what of it is refused because it would bypass the guard."""

import argparse
import socket
from pathlib import Path

import pytest

from server.engine import launcher
from server.errors import StartError
from server.settings import BUNDLED_MODEL, BUNDLED_MODEL_NAME
from tests.live.servers import FLAGS


def parse(*words: str) -> argparse.Namespace:
    return launcher.parse(words, BUNDLED_MODEL, BUNDLED_MODEL_NAME)


def test_without_a_model_the_bundled_one_is_served_under_its_name() -> None:
    args = parse()
    assert (args.model, args.served_model_name) == (str(BUNDLED_MODEL), [BUNDLED_MODEL_NAME])


def test_a_model_of_the_operator_keeps_its_own_name(tmp_path: Path) -> None:
    args = parse(str(tmp_path), "--port", "1234")
    assert (args.model, args.served_model_name, args.port) == (str(tmp_path), None, 1234)


def test_the_operators_words_win_over_our_defaults() -> None:
    assert parse("--dtype", "bfloat16").dtype == "bfloat16"
    assert parse("--served-model-name", "other").served_model_name == ["other"]
    assert parse(*FLAGS).kv_cache_memory_bytes == 128 * 1024 * 1024


def test_on_a_cpu_prompts_are_read_whole() -> None:
    """Read in parts they end the engine, if they have a seed (tests/journeys/test_concurrency.py)."""
    assert parse().enable_chunked_prefill is False
    assert parse("--enable-chunked-prefill").enable_chunked_prefill is True


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--grpc",), "--grpc"),
        (("--headless",), "--headless"),
        (("--api-server-count", "2"), "--api-server-count"),
        (("--skip-tokenizer-init",), "--skip-tokenizer-init"),
        (("--no-such-flag",), "--no-such-flag"),
        (("--max-model-len", "many"), "--max-model-len"),
        (("--enable-auto-tool-choice",), "tool-call-parser"),
    ],
)
def test_what_cannot_be_served_is_one_line_that_names_it(words: tuple[str, ...], named: str) -> None:
    with pytest.raises(StartError, match=named) as refused:
        parse(*words)
    assert "\n" not in str(refused.value)


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartError, match=f"--port {port}"):
            launcher.bind(parse("--host", "127.0.0.1", "--port", str(port)))
