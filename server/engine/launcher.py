"""Starting vLLM's engine and its own OpenAI server, with our engine client in between.

Written against vLLM 0.32, whose launcher modules move between minor versions: all of them are imported here.
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
from vllm.entrypoints.launchers.api_server.app_state import init_app_state
from vllm.entrypoints.launchers.api_server.entry import build_and_serve, build_async_engine_client
from vllm.entrypoints.launchers.app import build_app
from vllm.entrypoints.launchers.cli_args import make_arg_parser, validate_parsed_serve_args
from vllm.entrypoints.launchers.launcher import setup_server
from vllm.entrypoints.serve.utils.api_utils import cli_env_setup
from vllm.logger import configure_logging_from_args
from vllm.platforms import current_platform
from vllm.utils.argparse_utils import FlexibleArgumentParser

from server.cpu import this_cpu
from server.embedded import Models
from server.engine import plugged, quiet
from server.engine.access import EVERYWHERE
from server.engine.served import ServedClient
from server.engine.upstream.configuration import refuse_engine_flags
from server.errors import EngineDied, StartError
from server.settings import PLUGIN, bind_threads

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
        parser.set_defaults(dtype=this_cpu().dtype, enforce_eager=True, kv_cache_memory_bytes=CPU_KV_CACHE_BYTES)
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


def fit_cpu(args: argparse.Namespace) -> str | None:
    """Have the engine compute on the cores that fit this CPU. Return a line on what holds and what changes it.

    None, and nothing is done, where the engine does not run on a CPU.
    """
    if not current_platform.is_cpu():
        return None
    alone = args.tensor_parallel_size == args.pipeline_parallel_size == args.data_parallel_size == 1
    cores = bind_threads(this_cpu().threads if alone else None)
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
    if (args.api_server_count or 1) > 1:
        raise StartError("--api-server-count: the guard runs in one API server; start more servers behind a balancer")


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
