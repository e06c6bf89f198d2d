"""Logs: one line per record on standard error, as text (`time level unsay.x: message key=value`) or as a JSON object.

Rules of this file:

* facts travel as `extra={"rewinds": 3}` and are written as `key=value`, or as keys of the object; a value that is not
  one plain word is quoted as JSON, so that nothing in it can begin a new line;
* no line of ours ever holds text that a model wrote. Callers log counts, names and scores; an exception is written as
  its type and the places it passed through, without its message, because libraries quote their input in messages.
  Those of others have their words too: operators need them, and that is why such text must not get into an error;
* every line that is written while a request is answered says which (`request`, see `of_request`);
* as text only the loggers under `unsay` are set up: vLLM and uvicorn have a look of their own. As JSON all three look
  the same (server/engine/vllm_logging_json.json says so to vLLM's processes). The root logger belongs to the embedding
  program.
"""

import json
import logging
import re
import time
import traceback
from collections.abc import Collection
from contextvars import ContextVar
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, get_args
from urllib.parse import urlsplit

from pythonjsonlogger.json import JsonFormatter
from uvicorn.config import LOGGING_CONFIG

LEVELS: Final = ("debug", "info", "warning", "error", "critical")
LogFormat = Literal["text", "json"]
FORMATS: Final[tuple[LogFormat, ...]] = get_args(LogFormat)
_ROOT: Final = "unsay"
_ACCESS: Final = "uvicorn.access"
_FRAMES: Final = 8
_PLAIN: Final = re.compile(r'[^\s="\x00-\x1f\x7f-\x9f]+')

of_request: ContextVar[str | None] = ContextVar("unsay_request_id", default=None)
"""The id of the request that is being answered (server/api/identified.py sets it); tasks inherit it."""


def configure(level: str, format_: LogFormat = "text") -> None:
    """Write the records of `unsay.*` from this level on to standard error; calling it again changes level and format.

    `level` is one of `LEVELS`, in any case. Raises ValueError for anything else. As JSON uvicorn's lines too, of a
    server that is set up from now on.
    """
    if level.lower() not in LEVELS:
        raise ValueError(f"log level {level!r}: expected one of {', '.join(LEVELS)}")
    root = logging.getLogger(_ROOT)
    root.setLevel(level.upper())
    root.propagate = False
    formatter = ObjectFormatter() if format_ == "json" else LineFormatter()
    ours = [output for output in root.handlers if isinstance(output.formatter, LineFormatter | ObjectFormatter)]
    for output in ours:
        output.setFormatter(formatter)
    if not ours:
        output = logging.StreamHandler()
        output.setFormatter(formatter)
        root.addHandler(output)
    if format_ == "json":
        LOGGING_CONFIG["formatters"] = {name: {"()": ObjectFormatter} for name in LOGGING_CONFIG["formatters"]}


def leave_out(paths: Collection[str]) -> None:
    """Have uvicorn's access log say nothing of requests for these paths, whatever came of them."""
    access = logging.getLogger(_ACCESS)
    for former in [each for each in access.filters if isinstance(each, _Asked)]:
        access.removeFilter(former)
    access.addFilter(_Asked(frozenset(paths)))


def logger(name: str) -> logging.Logger:
    """Return the logger `unsay.<name>`."""
    return logging.getLogger(f"{_ROOT}.{name}")


class LineFormatter(logging.Formatter):
    """Formats a record, its extra fields and its exception as one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Write `2026-01-31T12:00:00.123Z info unsay.x: message key=value error=ValueError at=a.py:12<b.py:7`."""
        line = f"{_stamp(record)} {record.levelname.lower()} {record.name}: {_one_line(record.getMessage())}"
        return " ".join([line, *(f"{key}={_value(value)}" for key, value in _facts(record).items())])


class ObjectFormatter(JsonFormatter):
    """Formats a record of anybody's as a JSON object on one line, with the names that `LineFormatter` has."""

    def format(self, record: logging.LogRecord) -> str:
        """Write `{"time": ..., "level": "info", "logger": "unsay.x", "process": ..., "message": ..., "key": ...}`."""
        said = {
            "time": _stamp(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            # vLLM names its processes in every record.
            "process": getattr(record, "vllm_process_name", record.processName),
            "pid": record.process,
            "message": record.getMessage(),
        }
        if record.exc_info and not _is_ours(record):
            said["exception"] = self.formatException(record.exc_info)
        return self.jsonify_log_record(said | _facts(record) | said)  # in this order, and no fact hides what is said


class _Asked(logging.Filter):
    """Leaves out what uvicorn says of requests for some paths: its records' arguments are client, method, path, ..."""

    def __init__(self, paths: frozenset[str]) -> None:
        super().__init__()
        self._paths = paths

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is to be written."""
        match record.args:
            case (_, _, str(path), *_):
                return urlsplit(path).path not in self._paths
            case _:
                return True


def _is_ours(record: logging.LogRecord) -> bool:
    return record.name.split(".")[0] == _ROOT


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    """Return what a line says beside its message: the request, the extra fields, and an error without its words."""
    own = _own()
    request = of_request.get()
    facts: dict[str, Any] = {} if request is None else {"request": request}
    facts |= {key: value for key, value in vars(record).items() if key not in own}
    error, trace = record.exc_info[1:] if record.exc_info else (None, None)
    if error is not None:
        facts |= {"error": type(error).__name__, "at": _places(trace)}
    return facts


def _own() -> set[str]:
    """Return what every record has. Asked each time: vLLM sets a record factory that adds an attribute to all."""
    return set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


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
