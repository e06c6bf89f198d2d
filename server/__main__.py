"""The command line: `unsay serve`. Wrong settings end the program with one line, before anything heavy is loaded."""

import sys
import warnings

import uvloop

from filters.scorer import ScorerLoadError
from server import app
from server.errors import StartError
from server.settings import parse, prepare_environment
from server.telemetry import logs


def main() -> None:
    """Entry point of the console script `unsay`."""
    settings = parse(sys.argv[1:])
    logs.configure(settings.log_level)
    warnings.simplefilter("ignore", FutureWarning)  # of libraries, about libraries
    try:
        prepare_environment()
        uvloop.run(app.run(settings, app.load_catalog(settings)))
    except (StartError, ScorerLoadError) as error:
        print(f"unsay: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
