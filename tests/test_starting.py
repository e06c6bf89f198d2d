"""What is told of a start, and what is foretold of the next one."""

import logging
from pathlib import Path

import pytest

from server.starting import FILE, Starting


class Clock:
    at = 100.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture(autouse=True)
def heard(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger("unsay"), "propagate", True)
    caplog.set_level("INFO", "unsay.server")


def start(cache: Path, model: str = "mini") -> dict[str, str]:
    clock = Clock()
    starting = Starting(clock)
    starting.begin(cache)
    starting.phase("loading vLLM")
    clock.at += 10
    starting.phase("starting vLLM", model, url="u")
    clock.at += 20
    return starting.ready()


def left(caplog: pytest.LogCaptureFixture) -> list[str | None]:
    said = [record.__dict__.get("left") for record in caplog.records]
    caplog.clear()
    return said


def test_the_second_start_of_a_model_says_how_long_it_still_takes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert start(tmp_path / "new") == {"after": "30 s"}
    assert left(caplog) == [None, None]
    start(tmp_path / "new")
    assert left(caplog) == [None, "about 20 s"]
    start(tmp_path / "new", "another")
    assert left(caplog) == [None, None]


@pytest.mark.parametrize("content", ["", "[]", '{"mini": "long"}', "{"])
def test_a_file_that_says_nothing_foretells_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str
) -> None:
    (tmp_path / FILE).write_text(content)
    start(tmp_path)
    assert left(caplog) == [None, None]
    start(tmp_path)
    assert left(caplog) == [None, "about 20 s"]


def test_where_nothing_can_be_kept_a_start_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert start(tmp_path / "file") == {"after": "30 s"}


def test_a_server_that_others_start_has_no_time_to_tell() -> None:
    assert Starting().ready() == {}
