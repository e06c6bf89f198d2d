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
from server.configuration import parse
from server.embedded import SMOLLM2, Models, listing
from server.errors import StartError
from server.settings import add_options, cache_folder, parser, plug_in, prepare_environment
from server.telemetry import logs, pairs


def run(words: Sequence[str]) -> int:
    """Run the words after `unsay`, a command of ours first; return the exit code. SystemExit(2) for other words."""
    try:
        if list(words[:1]) == ["models"]:
            _models(convert=parser().parse_args(words).convert)
        else:
            _serve(words)
    except (StartError, ScorerLoadError) as error:
        print(f"unsay: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _models(*, convert: bool) -> None:
    cache = cache_folder()
    if convert:
        Models(cache, lambda line: print(line, file=sys.stderr)).named(SMOLLM2)
    print("\n".join(listing(cache)))


def _serve(words: Sequence[str]) -> None:
    asked = next((word for word in words if word.startswith("--help=")), None)
    if asked is not None:
        prepare_environment()
        from server.engine import launcher

        launcher.show_help(asked, add_options)
    start = parse(words)
    logs.configure(start.settings.log_level)
    # What is quickly known to be wrong is told before vLLM is loaded.
    app.load_catalog(start.settings)
    pairs.check(start.settings.pairs_out)
    warnings.simplefilter("ignore", FutureWarning)  # of libraries, about libraries
    signal.signal(signal.SIGTERM, _stop_starting)
    prepare_environment()
    for name in plug_in():
        logs.logger("server").warning(
            "left out, since it has routes: to have it, name it in VLLM_PLUGINS", extra={"plugin": name}
        )
    uvloop.run(app.run(start))


def _stop_starting(number: int, _frame: FrameType | None) -> None:
    """Handle SIGTERM before vLLM's server does: end the start-up at once, and the engine's processes with it.

    Not by an exception: one that is raised while vLLM starts its engine can be swallowed there, and is waited out.
    """
    for child in multiprocessing.active_children():
        child.terminate()
    os._exit(128 + number)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
