"""Who may reach the server, as vLLM's arguments and environment say it."""

import argparse
import ipaddress

from fastapi import FastAPI
from vllm import envs

from server.api.access import Access
from server.errors import StartError

LOOPBACK = "127.0.0.1"
EVERYWHERE = "0.0.0.0"
"""Where vLLM listens unless it is told."""


def keys(args: argparse.Namespace) -> list[str]:
    """Return the API keys of which a request needs one, as vLLM takes them; none: nobody is asked for one."""
    return [key for key in (args.api_key or [envs.VLLM_API_KEY]) if key]


def ask_for_keys(app: FastAPI, known: list[str]) -> None:
    """Put the wall (server/api/access.py) around an application and all of its middleware, if there are keys."""
    if known:
        # vLLM has built its middleware by now, and nothing can be added to that.
        app.middleware_stack = Access(app.middleware_stack or app.build_middleware_stack(), known)


def close_to_others(args: argparse.Namespace) -> str | None:
    """Listen on this machine alone where the operator named neither keys nor a host. Return a line that says so."""
    if args.host or args.uds or keys(args):
        return None
    args.host = LOOPBACK
    return f"no --api-key: listening on this machine alone ({LOOPBACK}); --host opens it to others"


def warning(args: argparse.Namespace) -> str | None:
    """Return a line about a server that others can reach and that asks nobody for a key; None for any other."""
    host = args.host or EVERYWHERE
    if args.uds or keys(args) or _is_loopback(host):
        return None
    return f"--host {host} without --api-key: whoever reaches this port may use all of this server"


def refuse_open_dev_mode(args: argparse.Namespace, *, allowed: bool) -> None:
    """StartError if vLLM's development routes, which can stop, empty and script the engine, would be open to all."""
    if envs.VLLM_SERVER_DEV_MODE and not keys(args) and not allowed:
        raise StartError(
            "VLLM_SERVER_DEV_MODE is set and there is no --api-key: vLLM's development routes would be open to all;"
            " unset it, give a key, or say --allow-dev-mode"
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name: who knows where it leads
        return False
