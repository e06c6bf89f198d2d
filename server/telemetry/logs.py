"""Logs: one line per record, `time level unsay.x: message key=value`, on standard error.

Rules of this file:

* facts travel as `extra={"request": ..., "rewinds": 3}` and are written as `key=value`; a value that is not one plain
  word is quoted as JSON, so that nothing in it can begin a new line;
* no line ever holds text that a model wrote. Callers log counts, names and scores; an exception is written as its type
  and the places it passed through, without its message, because libraries quote their input in messages;
* only the loggers under `unsay` are set up. vLLM sets up `vllm` by itself, and the root logger belongs to the embedding
  program.
"""

import json
import logging
import re
import time
import traceback
from pathlib import Path
from types import TracebackType
from typing import Final

LEVELS: Final = ("debug", "info", "warning", "error", "critical")
_ROOT: Final = "unsay"
_FRAMES: Final = 8
_PLAIN: Final = re.compile(r'[^\s="\x00-\x1f\x7f-\x9f]+')


def configure(level: str) -> None:
    """Write the records of `unsay.*` from this level on to standard error; calling it again changes the level only.

    `level` is one of `LEVELS`, in any case. Raises ValueError for anything else.
    """
    if level.lower() not in LEVELS:
        raise ValueError(f"log level {level!r}: expected one of {', '.join(LEVELS)}")
    root = logging.getLogger(_ROOT)
    root.setLevel(level.upper())
    root.propagate = False
    if not any(isinstance(output.formatter, LineFormatter) for output in root.handlers):
        output = logging.StreamHandler()
        output.setFormatter(LineFormatter())
        root.addHandler(output)


def logger(name: str) -> logging.Logger:
    """Return the logger `unsay.<name>`."""
    return logging.getLogger(f"{_ROOT}.{name}")


class LineFormatter(logging.Formatter):
    """Formats a record, its extra fields and its exception as one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Write `2026-01-31T12:00:00.123Z info unsay.x: message key=value error=ValueError at=a.py:12<b.py:7`."""
        own = _own()
        extras = {key: value for key, value in vars(record).items() if key not in own}
        error, trace = record.exc_info[1:] if record.exc_info else (None, None)
        if error is not None:
            extras |= {"error": type(error).__name__, "at": _places(trace)}
        message = record.getMessage()
        line = f"{_stamp(record)} {record.levelname.lower()} {record.name}: {_one_line(message)}"
        return " ".join([line, *(f"{key}={_value(value)}" for key, value in extras.items())])


def _own() -> set[str]:
    """Return what every record has. Asked each time: vLLM sets a record factory that adds an attribute to all."""
    return set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def _stamp(record: logging.LogRecord) -> str:
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    return f"{moment}.{int(record.msecs):03d}Z"


def _one_line(message: str) -> str:
    return message if message.isprintable() else json.dumps(message)


def _value(value: object) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if _PLAIN.fullmatch(text) else json.dumps(text)


def _places(trace: TracebackType | None) -> str:
    """Return where an error was raised and through which calls it came, innermost first, without any of its words."""
    frames = traceback.extract_tb(trace)[-_FRAMES:]
    return "<".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))
