"""The command line that is vLLM's, and what of it is refused because it would bypass the guard."""

import argparse
import socket
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from vllm.platforms import current_platform

from server.embedded import Models, Served
from server.engine import launcher
from server.engine.served import ServedClient
from server.errors import EngineDied, StartError
from server.generation.ending import Ending
from server.options import add_options
from server.settings import BUNDLED_MODEL, BUNDLED_MODEL_NAME
from tests.live.servers import FLAGS

BIND = "VLLM_CPU_OMP_THREADS_BIND"


class Bundled(Models):
    """unsay-mini alone: nothing is looked for in a cache."""

    def __init__(self) -> None:
        super().__init__(Path("/no/cache"), lambda line: None)

    def default(self) -> Served:
        return Served(BUNDLED_MODEL_NAME, BUNDLED_MODEL)


def parse(*words: str) -> argparse.Namespace:
    return launcher.parse(words, Bundled())


@pytest.mark.parametrize("words", [(), ("mini",), ("unsay-mini",), ("--model", "mini")])
def test_a_model_of_ours_is_served_under_its_name(words: tuple[str, ...]) -> None:
    args = parse(*words)
    assert (args.model, args.served_model_name) == (str(BUNDLED_MODEL), [BUNDLED_MODEL_NAME])


def test_wrong_words_are_told_before_a_model_is_made() -> None:
    class Costly(Bundled):
        def default(self) -> Served:
            raise AssertionError("nothing is to be made yet")

    with pytest.raises(StartError, match="--grpc"):
        launcher.parse(("--grpc",), Costly())


def test_a_model_of_the_operator_keeps_its_own_name(tmp_path: Path) -> None:
    args = parse(str(tmp_path), "--port", "1234")
    assert (args.model, args.served_model_name, args.port) == (str(tmp_path), None, 1234)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_cpu_computes_in_what_fits_it_unless_the_operator_says_otherwise(
    dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launcher, "fitting_dtype", lambda: dtype)
    assert parse().dtype == dtype
    assert parse("--dtype", "float16").dtype == "float16"


@pytest.mark.parametrize(
    ("flags", "dtype"),
    [
        ("avx2 avx512f", "float32"),
        ("avx512_vnni avx512_bf16", "bfloat16"),
        ("amx_bf16 amx_tile", "bfloat16"),
        ("amx_int8 amx_tile", "float32"),
    ],
)
def test_bfloat16_only_where_the_cpu_computes_it(tmp_path: Path, flags: str, dtype: str) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\nflags\t\t: fpu {flags}\nbugs\t\t: spectre\n\nprocessor\t: 1\nflags\t\t: fpu\n")
    assert launcher.fitting_dtype(cpuinfo) == dtype


def test_a_system_that_tells_nothing(tmp_path: Path) -> None:
    assert launcher.fitting_dtype(tmp_path / "none") == "float32"


def test_one_line_says_what_the_cpu_computes_in_and_where(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(BIND, raising=False)
    args = parse("--dtype", "bfloat16")
    assert launcher.told_of_cpu(args) == f"computing in bfloat16 (--dtype) on all cores but one ({BIND})"
    monkeypatch.setenv(BIND, "1")
    assert launcher.told_of_cpu(args) == f"computing in bfloat16 (--dtype) on cores 1 ({BIND})"


def test_on_a_gpu_nothing_is_said_of_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    args = parse()
    monkeypatch.setattr(type(current_platform), "is_cpu", lambda self: False)
    assert launcher.told_of_cpu(args) is None


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [("--help=all", ("--max-model-len", "--detoxify")), ("--help=hf-config-path", ("--hf-config-path",))],
)
def test_help_is_had_for_vllms_flags_and_ours(
    wanted: str, shown: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        launcher.show_help(wanted, add_options)
    page = capsys.readouterr().out
    assert ended.value.code == 0 and all(flag in page for flag in shown)


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
        (("--no-such-flag",), "--no-such-flag"),
        (("--max-model-len", "many"), "--max-model-len"),
        (("--enable-auto-tool-choice",), "tool-call-parser"),
    ],
)
def test_what_cannot_be_served_is_one_line_that_names_it(words: tuple[str, ...], named: str) -> None:
    with pytest.raises(StartError, match=named) as refused:
        parse(*words)
    assert "\n" not in str(refused.value)


# vLLM does not close the socket that it could not bind.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartError, match=f"--port {port}"):
            launcher.bind(parse("--host", "127.0.0.1", "--port", str(port)))


@pytest.mark.parametrize(
    ("error", "expected", "said"),
    [
        (ValueError("no such model"), StartError, "model m: no such model"),
        (OSError("not found"), StartError, "model m: not found"),
        (RuntimeError("Process ApiServer_0 died"), EngineDied, "an API server, or the engine, has died"),
    ],
)
def test_servers_that_do_not_come_up_or_die_are_told_of_in_one_line(
    error: Exception, expected: type[Exception], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "uds"

    def run(args: Any) -> None:
        assert not path.exists(), "vLLM could not bind it again"
        raise error

    monkeypatch.setattr(launcher, "run_multi_api_server", run)
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(str(path))
    with pytest.raises(expected, match=said):
        launcher.serve_several(sock, argparse.Namespace(model="m", log_config_file=None, uds=str(path)))
    assert sock.fileno() == -1


def ending_with(monkeypatch: pytest.MonkeyPatch, client: Any) -> Awaitable[None]:
    """Serve over a client until vLLM's server has ended."""

    @asynccontextmanager
    async def engine(args: argparse.Namespace) -> AsyncIterator[Any]:
        yield client

    async def ended() -> None:
        pass

    async def build_and_serve(*given: Any) -> Any:
        return ended()

    async def tasks() -> tuple[str, ...]:
        return ("generate",)

    client.get_supported_tasks = tasks
    monkeypatch.setattr(launcher, "build_and_serve", build_and_serve)
    monkeypatch.setattr(launcher, "_without_our_log_file", lambda args: args)
    closed: Any = SimpleNamespace(close=lambda: None)
    return launcher.serve("http://x", closed, argparse.Namespace(), engine)


def served(*, errored: bool, draining: bool) -> Any:
    ending = Ending()
    if draining:
        ending.drain()

    class Client(ServedClient):
        def __init__(self) -> None:
            self.services: Any = SimpleNamespace(ending=ending)

        errored: Any = None

    Client.errored = errored
    return Client()


async def test_a_server_that_ends_with_its_engine_does_not_end_well(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EngineDied):
        await ending_with(monkeypatch, served(errored=True, draining=False))
    with pytest.raises(EngineDied):
        await ending_with(monkeypatch, SimpleNamespace(errored=True))


async def test_a_server_that_was_told_to_end_ends_well(monkeypatch: pytest.MonkeyPatch) -> None:
    await ending_with(monkeypatch, served(errored=False, draining=True))
    await ending_with(monkeypatch, served(errored=True, draining=True))  # the signal was for its engine, too
