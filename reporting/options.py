"""Parsers of commands, and values of their options: read, or refused with what was expected."""

import argparse
from collections.abc import Callable
from typing import Any


def command_parser(name: str, description: str, **more: Any) -> argparse.ArgumentParser:
    """Return the parser of a command, whose description is shown as it stands and whose options are said in full."""
    raw = argparse.RawDescriptionHelpFormatter
    return argparse.ArgumentParser(name, description=description, formatter_class=raw, allow_abbrev=False, **more)


def at_least(least: int) -> Callable[[str], int]:
    """Read whole numbers from `least` on."""

    def whole(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"expected a whole number of at least {least}, found {text}")
        return int(text)

    return whole


count = at_least(1)


def within(least: float, most: float) -> Callable[[str], float]:
    """Read numbers from `least` to `most`."""

    def number(text: str) -> float:
        value = _number(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"expected a number from {least} to {most}, found {text}")
        return value

    return number


def above_zero(text: str) -> float:
    """Read a finite number above 0."""
    value = _number(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number above 0, found {text}")
    return value


def _number(text: str) -> float:
    """Read a number; NaN if the text is none, so that no bound holds for it."""
    try:
        return float(text)
    except ValueError:
        return float("nan")


def add_timeout(group: "argparse._ArgumentGroup") -> None:
    """Add `--timeout`, as `timeout_seconds`: how long one answer is waited for."""
    group.add_argument(
        "--timeout",
        dest="timeout_seconds",
        type=above_zero,
        default=600.0,
        metavar="SECONDS",
        help="for one answer (default: 600)",
    )
