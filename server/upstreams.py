"""Where tokens are drawn, if not in this process (docs/upstream.md): addresses and the key of vLLM servers elsewhere.

An address is `http(s)://HOST[:PORT][/PATH]`, and has nothing in it that a log must not hold. The key is in the
environment alone: command lines and configurations are logged.
"""

import argparse
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from server.errors import StartError

if TYPE_CHECKING:
    from server.engine.served import ServedClient

KEY = "UNSAY_UPSTREAM_KEY"
_EXPECTED = "expected http://HOST[:PORT][/PATH] or https://..., without user, password, query and fragment"


def add_upstream(group: "argparse._ArgumentGroup") -> None:
    """Add the option that names them."""
    group.add_argument(
        "--upstream",
        action="append",
        metavar="URL",
        help="have tokens drawn by the vLLM at URL (`vllm serve MODEL --enable-scale-out`) instead of here; several:"
        f" say it again. {KEY} is their key, --upstream-seconds how long is waited (docs/upstream.md)",
    )


def key(environment: Mapping[str, str]) -> str | None:
    """Return the key of the upstreams, None if they want none. StartError, without the key, if it cannot be one."""
    found = environment.get(KEY) or None
    if found is not None and not (found.isascii() and found.isprintable() and " " not in found):
        raise StartError(f"{KEY}: expected visible ASCII characters without spaces or line ends")
    return found


def addresses(urls: Sequence[str]) -> tuple[str, ...]:
    """Return the upstreams without a slash at their ends. StartError for what is none, or is named twice."""
    read = tuple(_read(url) for url in urls)
    for at, url in enumerate(read):
        if url in read[:at]:
            raise StartError(f"--upstream {url}: named twice; name each once")
    return read


def _read(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_sound = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        is_sound = False
    if not is_sound or not url.isprintable() or any(mark in url for mark in "@?# "):
        # Not repeated where it may hold a password.
        raise StartError(f"--upstream{'' if '@' in url else f' {url}'}: {_EXPECTED}")
    return url.rstrip("/")


@asynccontextmanager
async def guarding(args: argparse.Namespace) -> "AsyncIterator[ServedClient]":
    """Provide a guarded engine client whose tokens come from upstreams. StartError if one is not what it should be."""
    from server import app, environment
    from server.engine.upstream.client import UpstreamClient
    from server.engine.upstream.configuration import without_engine
    from server.engine.upstream.link import Link, http_client
    from server.telemetry.metrics import Metrics

    said, metrics = app.settings_of(args.additional_config), Metrics()
    guard_started = app.prepare(args.additional_config, metrics=metrics)
    http = http_client(key(environment.environment()))
    links = [Link(url, http, said.upstream_seconds) for url in addresses(said.upstream)]
    client = UpstreamClient(without_engine(args), links, metrics)
    served = guard_started(client)
    served.closing.push_async_callback(http.aclose)
    served.closing.push_async_callback(client.fleet.aclose)
    await client.fleet.begin()
    yield served
