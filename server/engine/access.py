"""Who may reach the server, as vLLM's arguments and environment say it."""

import argparse
import ipaddress

from fastapi import FastAPI
from vllm import envs

from server.api.access import OPEN, PROBES, Access
from server.api.identified import Identified
from server.errors import StartError
from server.keys.file import Keys
from server.reloading import Current

LOOPBACK = "127.0.0.1"
EVERYWHERE = "0.0.0.0"
"""Where vLLM listens unless it is told."""


def keys(args: argparse.Namespace) -> list[str]:
    """Return vLLM's API keys, as it takes them."""
    return [key for key in (args.api_key or [envs.VLLM_API_KEY]) if key]


def ask_for_keys(app: FastAPI, vllms: list[str], file: Current[Keys] | None, *, pages: bool) -> None:
    """Put the wall (server/api/access.py) around an application and all of its middleware, if there are keys.

    `pages`: metrics and the pages that describe the API need one too.
    """
    if vllms or file is not None:
        # vLLM has built its middleware by now, and nothing can be added to that.
        inner = app.middleware_stack or app.build_middleware_stack()
        app.middleware_stack = Access(inner, vllms, file, PROBES if pages else OPEN)


def identify(app: FastAPI) -> None:
    """Have every request named (server/api/identified.py), whatever then refuses it."""
    app.middleware_stack = Identified(app.middleware_stack or app.build_middleware_stack())


def close_to_others(args: argparse.Namespace, *, keyed: bool) -> str | None:
    """Listen on this machine alone where the operator named neither keys nor a host. Return a line that says so.

    `keyed`: there is a file of keys.
    """
    if args.host or args.uds or keyed or keys(args):
        return None
    args.host = LOOPBACK
    return f"no --keys-file, no --api-key: listening on this machine alone ({LOOPBACK}); --host opens it to others"


def warning(args: argparse.Namespace, *, keyed: bool) -> str | None:
    """Return a line about keys that the operator may not have meant so: none at all, or two kinds."""
    host, vllms = args.host or EVERYWHERE, keys(args)
    if keyed and vllms:
        return "keys of --api-key are taken beside those of --keys-file: without limits, and without rights"
    if args.uds or keyed or vllms or _is_loopback(host):
        return None
    return f"--host {host} without --keys-file or --api-key: whoever reaches this port may use all of this server"


def refuse_open(args: argparse.Namespace, *, keyed: bool, dev_mode: bool, pages: bool) -> None:
    """StartError if something would be open to all that must not be.

    That is vLLM's development routes, which can stop, empty and script the engine, unless `dev_mode` allows it, and
    the pages for which a key is wanted (`pages`).
    """
    if keyed or keys(args):
        return
    if envs.VLLM_SERVER_DEV_MODE and not dev_mode:
        raise StartError(
            "VLLM_SERVER_DEV_MODE is set and there are no keys: vLLM's development routes would be open to all;"
            " unset it, give --keys-file or --api-key, or say --allow-dev-mode"
        )
    if pages:
        raise StartError("--pages-need-key: there are no keys; give --keys-file or --api-key")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name: who knows where it leads
        return False
