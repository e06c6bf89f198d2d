"""What a client shows of the guard; every script beside this one ends with `tell()`.

The server is named by the environment: UNSAY_URL, without `/v1`, UNSAY_MODEL and UNSAY_MODEL_PATH. Under the policy
`withheld` every answer is a refusal (clients/policies.yaml).
"""

import json
import os
import sys
from collections.abc import Callable
from typing import Any

URL = os.environ["UNSAY_URL"]
MODEL = os.environ["UNSAY_MODEL"]
MODEL_PATH = os.environ["UNSAY_MODEL_PATH"]
"""Where its tokenizer is, for clients that count tokens themselves."""
PROMPT = "The history of the town begins with"
WITHHELD = {"X-Detox-Policy": "withheld"}
"""The header that every client can be told to send."""

_seen: dict[str, list[str]] = {"works": [], "report": [], "refusal": []}


def works(what: str, got: object) -> None:
    """Note that something works: `got` is what came of it, and holds something."""
    if not got:
        raise SystemExit(f"{what}: nothing came of it")
    _seen["works"].append(what)


def report(where: str, find: Callable[[], Any]) -> None:
    """Note where the report or a part of it is found, if `find` finds one."""
    try:
        found = find()
    except (AttributeError, KeyError, IndexError, TypeError):
        return
    if found:
        _seen["report"].append(where)


def refusal(how: str) -> None:
    """Note how a refusal looks."""
    _seen["refusal"].append(how)


def error(raised: Exception) -> str:
    """Name an exception for the table."""
    return f"{type(raised).__name__}: {str(raised).splitlines()[0][:120]}"


def tell() -> None:
    """Say what was seen: the last line of the output."""
    sys.stdout.write(json.dumps(_seen, ensure_ascii=False) + "\n")
