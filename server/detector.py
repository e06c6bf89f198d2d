"""`unsay scorer`: the scorer in a process of its own, so that a crash or a stuck pass does not take the server down."""

import argparse
import socket
import sys
from collections.abc import Sequence

import uvicorn
import uvloop

from filters.scorer import ScorerLoadError
from server.api.detector import application
from server.app import batching, load_scorer
from server.configuration import ScorerSettings, scorer_settings
from server.engine import quiet
from server.errors import StartError
from server.scorer_options import add_scorer
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
        uvloop.run(serve(settings, known.host, known.port))
    except (StartError, ScorerLoadError) as error:
        sys.stderr.write(f"unsay scorer: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "unsay scorer",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (default: this machine alone)")
    parser.add_argument("--port", type=int, default=8001, help="0: a free one (default: 8001)")
    add_scorer(parser.add_argument_group("scorer"))
    return parser


async def serve(settings: ScorerSettings, host: str, port: int) -> None:
    """Serve until told to stop. StartError or ScorerLoadError if that cannot begin."""
    with bind(host, port) as sock:
        quiet.hide_progress()
        scorer = load_scorer(settings, None)
        async with batching(scorer, settings, None) as batcher:
            config = uvicorn.Config(
                application(batcher, most_contents=settings.scorer_queue),
                log_level="warning",
                access_log=False,
                limit_concurrency=_MOST_CONNECTIONS,
                timeout_keep_alive=_KEEP_SECONDS,
                timeout_graceful_shutdown=_STOP_SECONDS,
            )
            log.info(
                "ready", extra={"url": _url(sock), "scorer": scorer.name, "categories": ",".join(scorer.categories)}
            )
            await uvicorn.Server(config).serve(sockets=[sock])


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket before anything is loaded, so that a taken port shows at once, as a StartError."""
    if not 0 <= port <= _LAST_PORT:
        raise StartError(f"--port {port}: expected a number from 0 to {_LAST_PORT}")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise StartError(f"--host {host} --port {port}: {error.strerror}; choose another") from None


def _url(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
