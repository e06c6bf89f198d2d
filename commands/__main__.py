"""`unsay COMMAND ...`: every command is listed here, and loaded when it is asked for.

Serving never imports the tools, nor a tool the server: each command parses its own words.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version

from server.environment import vllm_version


@dataclass(frozen=True, slots=True)
class Command:
    """`run` takes the words after the command's name and gives the exit code; `about` is its line in the help."""

    run: Callable[[Sequence[str]], int]
    about: str


def _serve(words: Sequence[str]) -> int:
    from server.__main__ import run

    return run(["serve", *words])


def _models(words: Sequence[str]) -> int:
    from server.__main__ import run

    return run(["models", *words])


def _evaluate(words: Sequence[str]) -> int:
    from evaluation.command import main

    return main(words)


def _bench(words: Sequence[str]) -> int:
    from benchmarks.command import main

    return main(words)


def _scorer(words: Sequence[str]) -> int:
    from server.detector import main

    return main(words)


def _keys(words: Sequence[str]) -> int:
    from server.keys.command import main

    return main(words)


def _fit_probe(words: Sequence[str]) -> int:
    from probing.command import main

    return main(words)


def _learn(words: Sequence[str]) -> int:
    from learning.command import main

    return main(words)


def _feedback(words: Sequence[str]) -> int:
    from server.feedback.command import feedback

    return feedback(words)


def _db(words: Sequence[str]) -> int:
    from server.feedback.command import db

    return db(words)


def _audit(words: Sequence[str]) -> int:
    from server.audit.command import main

    return main(words)


COMMANDS = {
    "serve": Command(_serve, "serve a model behind the guard"),
    "models": Command(_models, "list the language models that come along, and where they lie"),
    "eval": Command(_evaluate, "evaluate a running server, with and without the guard"),
    "bench": Command(_bench, "measure what the guard costs, against plain vLLM"),
    "keys": Command(_keys, "make an API key, and its entry in the file of keys"),
    "fit-probe": Command(_fit_probe, "fit a probe to a model's own hidden states"),
    "learn": Command(_learn, "learn from feedback and examples, promote, roll back"),
    "feedback": Command(_feedback, "export, report or erase what people said of answers"),
    "db": Command(_db, "bring the tables of feedback to another version"),
    "audit": Command(_audit, "check and count the records of answers"),
    "scorer": Command(_scorer, "serve the scorer alone, to servers and others that ask"),
}


def parser() -> argparse.ArgumentParser:
    """Return the parser of the first word: a command, or an option of `unsay` itself."""
    top = argparse.ArgumentParser("unsay", description="A self-detoxifying inference server.", allow_abbrev=False)
    top.add_argument("--version", action="version", version=f"unsay {version('unsay')}, vLLM {vllm_version()}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        commands.add_parser(name, help=command.about, add_help=False)
    return top


def main() -> None:
    """Run the console script `unsay`. Exit with status 2 and one line for a word that is no command."""
    words = sys.argv[1:]
    name = parser().parse_args(words[:1]).command
    sys.exit(COMMANDS[name].run(words[1:]))


if __name__ == "__main__":
    main()
