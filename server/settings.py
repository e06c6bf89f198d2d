"""What the operator said on the command line; what is not ours there is vLLM's.

The environment: server/environment.py. What the words mean, and their defaults: server/configuration.py.
"""

import argparse
from pathlib import Path

from server.options import add_options

MODELS = Path(__file__).resolve().parent.parent / "models"
BUNDLED_MODEL = MODELS / "language_model"
BUNDLED_CLASSIFIER = MODELS / "classifier"
BUNDLED_SCREEN = MODELS / "screen"
BUNDLED_PROBE = MODELS / "probe"
BUNDLED_MODEL_NAME = "unsay-mini"

DESCRIPTION = """\
Serve a model behind a guard that rewinds toxic spans before anyone reads them.

  unsay serve                              smollm2-135m-instruct if it is at hand, else mini (see `unsay models`)
  unsay serve mini                         the bundled model of 4.8M parameters, for tests
  unsay serve Qwen/Qwen3-8B                another model: a folder, or a name on a hub
  unsay serve MODEL --max-model-len 8192   every flag of `vllm serve` works
"""
EPILOG = (
    "All else is passed on to vLLM: `unsay serve --help=all` lists it too, `--help=max-model-len` tells of one flag."
)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the commands that are the server's own; commands/ lists them all."""
    top = argparse.ArgumentParser("unsay", description="A self-detoxifying inference server.", allow_abbrev=False)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serve = commands.add_parser(
        "serve",
        help="serve a model behind the guard",
        description=DESCRIPTION,
        epilog=EPILOG,
        usage="unsay serve [MODEL] [options of unsay] [any vllm serve flag]",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
    )
    add_options(serve)
    models = commands.add_parser("models", help="list the language models that come along, and where they lie")
    models.add_argument("--convert", action="store_true", help="convert those that are not ready and could be, first")
    return top
