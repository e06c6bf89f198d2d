"""Starting vLLM's engine and its own OpenAI server, with our engine client in between.

Written against vLLM 0.32 and 0.33, whose launcher modules move between minor versions: all of them are imported here,
or in moved.py.
"""

import argparse
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from fastapi import FastAPI
from vllm.engine.protocol import EngineClient
from vllm.entrypoints.cli.serve import run_multi_api_server
from vllm.entrypoints.launchers.api_server.app_state import init_app_state
from vllm.entrypoints.launchers.api_server.entry import build_and_serve, build_async_engine_client
from vllm.entrypoints.launchers.app import build_app
from vllm.entrypoints.launchers.launcher import setup_server
from vllm.logger import configure_logging_from_args
from vllm.platforms import current_platform
from vllm.utils.argparse_utils import FlexibleArgumentParser

from server.embedded import Models
from server.engine import plugged, quiet
from server.engine.access import EVERYWHERE
from server.engine.moved import cli_env_setup, make_arg_parser, validate_parsed_serve_args
from server.engine.served import ServedClient
from server.engine.upstream.configuration import refuse_engine_flags
from server.environment import PLUGIN, bound_cores
from server.errors import EngineDied, StartError

_BFLOAT16 = {"avx512_bf16", "amx_bf16"}
_CPUINFO = Path("/proc/cpuinfo")
CPU_KV_CACHE_BYTES = 512 * 1024 * 1024
"""Enough for some 60 conversations with the bundled model; a real model on CPU wants --kv-cache-memory-bytes."""


class _Parser(FlexibleArgumentParser):  # type: ignore[misc]
    """vLLM's parser, which reports an error in one line and leaves the exit to us."""

    def error(self, message: str) -> NoReturn:
        raise StartError(f"{message} (`unsay serve --help=all` lists every flag)")


def parse(words: Sequence[str], models: Models, *, elsewhere: bool = False) -> argparse.Namespace:
    """Return vLLM's arguments, with our defaults where the operator says nothing: our model, fit for a CPU.

    `elsewhere`: there will be no engine here, and nothing may be said of one.
    """
    cli_env_setup()
    parser = make_arg_parser(_Parser(prog="unsay serve", add_help=False))
    parser.set_defaults(model=None)
    if current_platform.is_cpu() and not elsewhere:
        parser.set_defaults(dtype=fitting_dtype(), enforce_eager=True, kv_cache_memory_bytes=CPU_KV_CACHE_BYTES)
        # For a prompt read in parts vLLM 0.32 resets the generator of its seed, which CPU generators cannot do: one
        # seeded request among many would end the engine.
        parser.set_defaults(enable_chunked_prefill=False)
    args: argparse.Namespace = parser.parse_args(list(words))
    _refuse_unguarded(args)
    if elsewhere:
        refuse_engine_flags(args, parser.parse_args([]))
    _name_model(args, models)
    configure_logging_from_args(args)
    try:
        validate_parsed_serve_args(args)
    except (TypeError, ValueError) as error:
        raise StartError(str(error)) from None
    return args


def _name_model(args: argparse.Namespace, models: Models) -> None:
    """Set the operator's model: one of ours, a folder, or a hub's name. StartError for a folder that is not there."""
    wanted = args.model_tag or args.model
    found = models.named(wanted) if wanted else models.default()
    if found:
        args.model = str(found.folder)
        args.served_model_name = args.served_model_name or [found.name]
        args.use_tqdm_on_load = False  # loaded before a bar is drawn
        return
    args.model = wanted
    if wanted.startswith(("/", "./", "../", "~")) and not Path(wanted).expanduser().is_dir():
        raise StartError(f"model {wanted}: there is no such folder; name one, or a model on a hub (`unsay models`)")


def fitting_dtype(cpuinfo: Path = _CPUINFO) -> str:
    """Return what to compute in on this CPU: bfloat16 where it has instructions for it, in AVX512-BF16 or AMX.

    Elsewhere each number would be converted at every step, which is many times slower: it is float32 there, and where
    the system does not tell.
    """
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "float32"
    flags = next((line.partition(":")[2] for line in lines if line.startswith("flags")), "")
    return "bfloat16" if _BFLOAT16 & set(flags.split()) else "float32"


def told_of_cpu(args: argparse.Namespace) -> str | None:
    """Return a line on what the engine computes in and on which cores, and what changes it; None where not on a CPU."""
    if not current_platform.is_cpu():
        return None
    cores = bound_cores()
    where = "all cores but one" if cores == "auto" else f"cores {cores}"
    return f"computing in {args.dtype} (--dtype) on {where} (VLLM_CPU_OMP_THREADS_BIND)"


def show_help(wanted: str, add_options: Callable[[argparse.ArgumentParser], None]) -> NoReturn:
    """Print what `wanted` asks for (`--help=all`, `--help=max-model-len`) of vLLM's flags and ours, and exit."""
    parser = make_arg_parser(FlexibleArgumentParser(prog="unsay serve"))
    add_options(parser)
    parser.parse_args([wanted])
    raise AssertionError("argparse ends the program")


def _refuse_unguarded(args: argparse.Namespace) -> None:
    """Refuse vLLM's ways of serving that do not pass through our engine client."""
    if args.grpc:
        raise StartError("--grpc: vLLM's gRPC server bypasses the guard; leave it out")
    if args.headless:
        raise StartError(
            "--headless: starts no API server, so there is nothing to guard; use `vllm serve` on such nodes"
        )


def bind(args: argparse.Namespace) -> tuple[str, socket.socket]:
    """Bind the address before the model is loaded, so that a taken port is known at once."""
    try:
        address, sock = setup_server(args, reuse_port=False)
    except OSError as error:
        raise StartError(
            f"--host {args.host or EVERYWHERE} --port {args.port}: {error.strerror}; choose another"
        ) from None
    except KeyError as error:
        raise StartError(str(error)) from None
    return address, sock


def device_name() -> str:
    """Return what the engine runs on, as vLLM calls it."""
    return str(current_platform.get_device_name())


@asynccontextmanager
async def engine(args: argparse.Namespace) -> AsyncIterator[EngineClient]:
    """Provide vLLM's engine, running; shut it down at the end. StartError with vLLM's reason if it does not come up.

    It can be rewound within; it is guarded if our plug-in is loaded.
    """
    plugged.arm_configurations()
    async with AsyncExitStack() as stack:
        try:
            client = await stack.enter_async_context(build_async_engine_client(args))
        except (OSError, RuntimeError, ValueError) as error:  # no such model, or not enough memory
            raise StartError(f"model {args.model}: {error}") from error
        yield client


Engines = Callable[[argparse.Namespace], AbstractAsyncContextManager[EngineClient]]
"""Provides an engine's client while it is served."""


async def serve(address: str, sock: socket.socket, args: argparse.Namespace, engine: Engines = engine) -> None:
    """Have vLLM serve at a bound address until a signal asks to stop.

    StartError if it cannot, EngineDied if it ended because its engine did.
    """
    async with engine(args) as client:
        tasks = await client.get_supported_tasks()
        if "generate" not in tasks:
            raise StartError(f"model {args.model}: it does not generate text (it can: {', '.join(tasks)})")
        stopped = await build_and_serve(client, address, sock, _without_our_log_file(args))
        died = has_died(client)
    await stopped
    sock.close()
    if died:
        raise EngineDied


def serve_several(sock: socket.socket, args: argparse.Namespace) -> None:
    """Have vLLM serve with several API servers, as `vllm serve` does, until a signal asks to stop.

    The bound address was free, and is let go of: vLLM binds it again, for all of them.
    They are processes that vLLM starts and watches: if one of them dies, or an engine core, it ends all (EngineDied).
    StartError if they do not come up.
    """
    sock.close()
    if args.uds:
        Path(args.uds).unlink()
    try:
        run_multi_api_server(_without_our_log_file(args))
    except (OSError, ValueError) as error:
        raise StartError(f"model {args.model}: {error}") from error
    except RuntimeError as error:
        raise EngineDied("an API server, or the engine,") from error


def has_died(client: EngineClient) -> bool:
    """Return whether the engine of a server that has ended died, other than at a signal that was for all processes."""
    return bool(client.errored) and not (isinstance(client, ServedClient) and not client.services.ending.accepting)


async def application(client: EngineClient, args: argparse.Namespace) -> FastAPI:
    """Build vLLM's OpenAI application over `client`, as if our plug-in were not there."""
    return await _built(client, args, without=PLUGIN)


async def plugged_application(client: EngineClient, args: argparse.Namespace) -> FastAPI:
    """Build vLLM's OpenAI application over `client` as vLLM does, with the plug-ins that it loads."""
    return await _built(client, args, without=None)


async def _built(client: EngineClient, args: argparse.Namespace, *, without: str | None) -> FastAPI:
    tasks = await client.get_supported_tasks()
    app: FastAPI = build_app(args, tasks, client.model_config)
    app.state.endpoint_plugins = [part for part in app.state.endpoint_plugins if part.name != without]
    await init_app_state(client, app.state, args, tasks)
    return app


def _without_our_log_file(args: argparse.Namespace) -> argparse.Namespace:
    """Keep our log configurations from uvicorn, to which vLLM would give them: they are about vLLM alone."""
    if args.log_config_file not in (str(quiet.LOGGING_FILE), str(quiet.OBJECTS_FILE)):
        return args
    config = replace(args.logging_config, pylogging_config_file=None)
    return argparse.Namespace(**{**vars(args), "log_config_file": None, "logging_config": config})
