"""`unsay scorer`: the scorer in a process of its own, so that a crash or a stuck pass does not take the server down."""

import argparse
import os
import socket
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import uvicorn
import uvloop

from filters.scorer import ScorerLoadError
from reporting.options import command_parser
from server.api.detector import application
from server.app import batching, load_scorer
from server.configuration import ScorerSettings, scorer_settings
from server.engine import quiet
from server.errors import StartError
from server.learned import Unobserved, learned, looked_after
from server.scorer_options import add_scorer
from server.sharing import listening
from server.telemetry import logs

DESCRIPTION = """\
Serve the scorer alone, in the detectors API of FMS Guardrails: POST /api/v1/text/contents and GET /health.

  unsay scorer --detoxify unbiased --port 8001
  unsay serve --scorer remote:http://localhost:8001
"""
_MOST_CONNECTIONS = 256
_KEEP_SECONDS = 75
_STOP_SECONDS = 5
_LAST_PORT = 65_535

log = logs.logger("scorer")


def main(argv: Sequence[str]) -> int:
    """Run `unsay scorer` with the words after it; return the exit code. SystemExit(2) for words it does not know."""
    known = _parser().parse_args(argv)
    try:
        settings = scorer_settings(known)
        logs.configure(settings.log_level, settings.log_format)
        if "while_stdin" in known:
            threading.Thread(target=_end_with_stdin, name="unsay-stdin", daemon=True).start()
        with bind_socket(known.uds) if "uds" in known else bind(known.host, known.port) as sock:
            uvloop.run(serve(settings, sock))
    except (StartError, ScorerLoadError) as error:
        sys.stderr.write(f"unsay scorer: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = command_parser("unsay scorer", DESCRIPTION, argument_default=argparse.SUPPRESS)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (default: this machine alone)")
    parser.add_argument("--port", type=int, default=8001, help="0: a free one (default: 8001)")
    parser.add_argument("--uds", type=Path, metavar="PATH", help="listen at this socket instead, for this user alone")
    parser.add_argument(
        "--while-stdin", action="store_true", help="end when standard input does: with whoever has started it"
    )
    add_scorer(parser.add_argument_group("scorer"))
    return parser


async def serve(settings: ScorerSettings, sock: socket.socket) -> None:
    """Serve at a bound socket until told to stop. StartError or ScorerLoadError if that cannot begin."""
    quiet.hide_progress()
    scorer = load_scorer(settings, None)
    taught = learned(settings.learned, scorer, Unobserved(), fixed=True)
    async with batching(scorer, settings, None) as batcher, looked_after(taught):
        config = uvicorn.Config(
            application(batcher, most_contents=settings.scorer_queue),
            log_level="warning",
            access_log=False,
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_keep_alive=_KEEP_SECONDS,
            timeout_graceful_shutdown=_STOP_SECONDS,
        )
        log.info("ready", extra={"url": _url(sock), "scorer": scorer.name, "categories": ",".join(scorer.categories)})
        await uvicorn.Server(config).serve(sockets=[sock])


def _end_with_stdin() -> None:
    """Wait until standard input ends, and end this process at once: nobody asks it any more."""
    while os.read(0, 1):  # not through `sys.stdin`, whose lock would keep this process from an end of its own
        pass
    os._exit(0)


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket before anything is loaded, so that a taken port shows at once, as a StartError."""
    if not 0 <= port <= _LAST_PORT:
        raise StartError(f"--port {port}: expected a number from 0 to {_LAST_PORT}")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise StartError(f"--host {host} --port {port}: {error.strerror}; choose another") from None


def bind_socket(path: Path) -> socket.socket:
    """Return a socket that listens at a path and that only this user may use. StartError if that cannot be.

    One that is left of a process that has died is put out of the way.
    """
    sock = socket.socket(socket.AF_UNIX)
    try:
        if path.is_socket() and not listening(path):
            path.unlink()
        before = os.umask(0o177)
        try:
            sock.bind(str(path))
        finally:
            os.umask(before)
        sock.listen(_MOST_CONNECTIONS)
    except OSError as error:
        sock.close()
        raise StartError(f"--uds {path}: {error.strerror or error}; choose another") from None
    return sock


def _url(sock: socket.socket) -> str:
    if sock.family == socket.AF_UNIX:
        return f"unix:{sock.getsockname()}"
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
