"""`unsay serve` and `unsay models`, also as `python -m server serve|models`.

Wrong settings end it with one line, before anything heavy is loaded.
"""

import signal
import sys
import warnings
from collections.abc import Sequence

import uvloop

from filters.scorer import ScorerLoadError
from server import app, plugin
from server.audit import file as audit
from server.configuration import parse
from server.embedded import SMOLLM2, Models, listing
from server.errors import EngineDied, StartError
from server.settings import add_options, cache_folder, draw_elsewhere, parser, prepare_environment
from server.stopping import stop_at_once
from server.telemetry import logs, pairs
from server.upstreams import addresses


def run(words: Sequence[str]) -> int:
    """Run the words after `unsay`, a command of ours first; return the exit code. SystemExit(2) for other words."""
    try:
        if list(words[:1]) == ["models"]:
            _models(convert=parser().parse_args(words).convert)
        else:
            _serve(words)
    except (EngineDied, StartError, ScorerLoadError) as error:
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
    logs.configure(start.settings.log_level, start.settings.log_format)
    # What is quickly known to be wrong is told before vLLM is loaded.
    app.check_files(start.settings)
    pairs.check(start.settings.pairs_out)
    audit.check(start.settings.audit_out)
    addresses(start.settings.upstream)
    warnings.simplefilter("ignore", FutureWarning)  # of libraries, about libraries
    signal.signal(signal.SIGTERM, stop_at_once)  # until the server runs
    plugin.prepare_process(start.settings.log_format)
    if start.settings.upstream:
        draw_elsewhere()
    uvloop.run(app.run(start))


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
