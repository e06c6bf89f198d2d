"""What a log line looks like, and what never gets into one."""

import io
import json
import logging
import logging.config
import re
from collections.abc import Iterator
from typing import Any, cast

import pytest
from uvicorn.config import LOGGING_CONFIG

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


@pytest.fixture
def objects(lines: io.StringIO) -> Iterator[io.StringIO]:
    """The same, as JSON; what it changes of uvicorn's defaults is put back."""
    before = dict(LOGGING_CONFIG)
    logs.configure("info", "json")
    yield lines
    LOGGING_CONFIG.clear()
    LOGGING_CONFIG.update(before)


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


def test_as_json_a_record_is_one_object_with_the_same_names(objects: io.StringIO) -> None:
    logs.logger("guard").info("re\nwound", extra={"rewinds": 3, "max_score": 0.5, "message_": "x"})
    (line,) = objects.getvalue().splitlines()
    said = json.loads(line)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", said.pop("time"))
    assert said.pop("pid") > 0 and said.pop("process")
    facts = {"rewinds": 3, "max_score": 0.5, "message_": "x"}
    assert said == {"level": "info", "logger": "unsay.guard", "message": "re\nwound", **facts}


def test_as_json_an_exception_of_ours_has_no_words_and_one_of_others_has_them(objects: io.StringIO) -> None:
    theirs = logging.getLogger("vllm.x")
    for logger in (logs.logger("x"), theirs):
        try:
            fail_with("out of memory")
        except ValueError as error:
            trace = (type(error), error, error.__traceback__)
            record = logger.makeRecord(logger.name, 40, "x.py", 1, "failed", (), trace)
            said = json.loads(logs.ObjectFormatter().format(record))
            assert said["error"] == "ValueError" and said["at"].startswith("test_logs.py:")
            assert ("out of memory" in json.dumps(said)) is (logger is theirs)


@pytest.mark.parametrize("format_", logs.FORMATS)
def test_a_line_says_to_which_request_it_belongs(lines: io.StringIO, format_: logs.LogFormat) -> None:
    before = dict(LOGGING_CONFIG)
    logs.configure("info", format_)
    token = logs.of_request.set("r-7")
    logs.logger("guard").info("no verdict")
    logs.of_request.reset(token)
    logs.logger("guard").info("ready")
    LOGGING_CONFIG.update(before)
    first, second = lines.getvalue().splitlines()
    assert ("request=r-7" in first or json.loads(first)["request"] == "r-7") and "request" not in second


def test_uvicorns_lines_are_objects_too(objects: io.StringIO) -> None:
    made = logging.config.DictConfigurator(LOGGING_CONFIG)
    for name in ("default", "access"):
        formatter = made.configure_formatter(made.config["formatters"][name])
        record = logging.LogRecord("uvicorn.access", 20, "x.py", 1, '%s - "%s"', ("1.2.3.4", "GET /"), None)
        assert json.loads(formatter.format(record))["message"] == '1.2.3.4 - "GET /"'


@pytest.mark.parametrize(("path", "said"), [("/metrics", False), ("/health?a=1", False), ("/v1/models", True)])
def test_scrapes_and_probes_are_not_logged(path: str, said: bool) -> None:
    access = logging.getLogger("uvicorn.access")
    before = list(access.filters)
    logs.leave_out({"/metrics", "/health"})
    logs.leave_out({"/metrics", "/health"})
    args = ("1.2.3.4:5", "GET", path, "1.1", 200)
    record = logging.LogRecord("uvicorn.access", 20, "x.py", 1, '%s - "%s %s HTTP/%s" %d', args, None)
    assert bool(access.filter(record)) is said and len(access.filters) == len(before) + 1
    assert access.filter(logging.LogRecord("uvicorn.access", 20, "x.py", 1, "started", None, None))
    access.filters[:] = before
