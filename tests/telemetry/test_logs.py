"""What a log line looks like, and what never gets into one."""

import io
import logging
import re
from collections.abc import Iterator
from typing import Any, cast

import pytest

from server.telemetry import logs


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What `unsay.*` writes, with the logger put back as it was found."""
    root = logging.getLogger("unsay")
    before = (root.level, root.propagate, list(root.handlers))
    root.handlers.clear()
    logs.configure("info")
    written = io.StringIO()
    cast("logging.StreamHandler[io.StringIO]", root.handlers[0]).setStream(written)
    yield written
    root.setLevel(before[0])
    root.propagate = before[1]
    root.handlers[:] = before[2]


def fail_with(message: str) -> None:
    raise ValueError(message)


def test_a_record_is_time_level_name_message_and_fields(lines: io.StringIO) -> None:
    logs.logger("guard").info("rewound", extra={"request": "r-1", "rewinds": 3, "max_score": 0.91234567})
    stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
    expected = stamp + r" info unsay\.guard: rewound request=r-1 rewinds=3 max_score=0\.912346\n"
    assert re.fullmatch(expected, lines.getvalue())


@pytest.mark.parametrize(
    "text", ["two words", "", "a=b", 'quo"te', "line\nfeed", "carriage\rreturn", "\u2028", "\x1b[31m"]
)
def test_a_value_that_is_not_a_plain_word_is_quoted_on_one_line(lines: io.StringIO, text: str) -> None:
    logs.logger("api").warning("refused", extra={"key": text})
    (line,) = lines.getvalue().splitlines()
    assert re.search(r'refused key=".*"$', line)


@pytest.mark.parametrize("text", ["ends\nhere", "\r\nwarning unsay.x: forged", "\x1b[2J"])
def test_a_message_cannot_begin_a_second_line(lines: io.StringIO, text: str) -> None:
    logs.logger("api").warning("unknown model %s", text)
    (line,) = lines.getvalue().splitlines()
    assert line.isprintable()


def test_an_exception_is_its_type_and_places_without_its_words(lines: io.StringIO) -> None:
    try:
        fail_with("cannot encode 'you idiot'")
    except ValueError:
        logs.logger("scorer").exception("pass failed", extra={"size": 4})
    (line,) = lines.getvalue().splitlines()
    assert re.search(r"pass failed size=4 error=ValueError at=test_logs\.py:\d+<test_logs\.py:\d+$", line)
    assert "idiot" not in line


def test_what_others_add_to_every_record_is_not_written(lines: io.StringIO) -> None:
    plain = logging.getLogRecordFactory()

    def named(*args: Any, **options: Any) -> logging.LogRecord:
        record = plain(*args, **options)
        record.process_title = "engine"
        return record

    logging.setLogRecordFactory(named)
    try:
        logs.logger("server").info("ready", extra={"policy": "standard"})
    finally:
        logging.setLogRecordFactory(plain)
    assert lines.getvalue().endswith(": ready policy=standard\n")


def test_records_below_the_level_are_not_written(lines: io.StringIO) -> None:
    logs.logger("guard").debug("drafted")
    logs.configure("debug")
    logs.logger("guard").debug("cleared")
    assert lines.getvalue().endswith(" debug unsay.guard: cleared\n")
    assert "drafted" not in lines.getvalue()


def test_configuring_again_does_not_write_twice(lines: io.StringIO) -> None:
    logs.configure("INFO")
    logs.logger("app").info("ready")
    assert len(lines.getvalue().splitlines()) == 1


def test_other_loggers_are_left_alone(lines: io.StringIO) -> None:
    names = ("", "vllm", "uvicorn")
    before = [(logging.getLogger(name).level, list(logging.getLogger(name).handlers)) for name in names]
    logs.configure("debug")
    assert [(logging.getLogger(name).level, list(logging.getLogger(name).handlers)) for name in names] == before
    logging.getLogger("vllm").warning("its own business")
    assert lines.getvalue() == ""


@pytest.mark.parametrize("level", ["loud", "", "10"])
def test_an_unknown_level_is_refused_with_the_known_ones(level: str) -> None:
    with pytest.raises(ValueError, match=r"expected one of debug, info, warning, error, critical"):
        logs.configure(level)
