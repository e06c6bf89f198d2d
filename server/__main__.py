"""`unsay serve` and `unsay models`, also as `python -m server serve|models`.

Wrong settings end it with one line, before anything heavy is loaded.
"""

import multiprocessing
import os
import signal
import sys
import warnings
from collections.abc import Sequence
from types import FrameType

import uvloop

from filters.scorer import ScorerLoadError
from server import app
from server.embedded import listing
from server.errors import StartError
from server.settings import cache_folder, parse, parser, prepare_environment
from server.telemetry import logs


def run(words: Sequence[str]) -> int:
    """The words after `unsay`, the first of them a command of ours; gives the exit code. SystemExit(2) for others."""
    if list(words[:1]) == ["models"]:
        parser().parse_args(words)
        print("\n".join(listing(cache_folder())))
        return 0
    settings = parse(words)
    logs.configure(settings.log_level)
    warnings.simplefilter("ignore", FutureWarning)  # of libraries, about libraries
    signal.signal(signal.SIGTERM, _stop_starting)
    try:
        prepare_environment()
        uvloop.run(app.run(settings, app.load_catalog(settings)))
    except (StartError, ScorerLoadError) as error:
        print(f"unsay: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _stop_starting(number: int, _frame: FrameType | None) -> None:
    """SIGTERM before vLLM's server listens to it: end the start-up at once, and the engine's processes with it.

    Not by an exception: one that is raised while vLLM starts its engine can be swallowed there, and is waited out.
    """
    for child in multiprocessing.active_children():
        child.terminate()
    os._exit(128 + number)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
