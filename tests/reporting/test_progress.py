import io

import pytest

from reporting import progress as module
from reporting.progress import duration, progress, say


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_without_a_terminal_there_are_lines_at_the_start_and_the_end() -> None:
    out = io.StringIO()
    with progress("judged", 100, 10, out) as advance:
        for _ in range(9):
            advance(10)
    assert out.getvalue() == "judged: 10/100\njudged: 100/100\n"


def test_in_between_there_is_a_line_when_time_has_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS_BETWEEN_LINES", 0.0)
    out = io.StringIO()
    with progress("judged", 3, 0, out) as advance:
        advance(1)
        advance(1)
    assert out.getvalue().splitlines() == ["judged: 0/3", "judged: 1/3, 0 s left", "judged: 2/3, 0 s left"]


def test_the_rest_takes_as_long_as_what_was_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([100.0, 100.0, 400.0])
    monkeypatch.setattr("reporting.progress.time.monotonic", lambda: next(clock))
    told: list[str] = []
    with progress("judged", 90, 60, io.StringIO(), told.append) as advance:
        advance(10)
    assert told == ["judged: 60/90", "judged: 70/90, 10 min left"]


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.4, "0 s"), (89, "89 s"), (120, "2 min"), (5340, "89 min"), (7800, "2 h 10 min")]
)
def test_a_time_is_said_as_people_do(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_on_a_terminal_there_is_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    out = Terminal()
    with progress("judged", 2, 0, out) as advance:
        advance(2)
    assert "judged" in out.getvalue()
    assert "2/2" in out.getvalue()
    assert "\x1b[" in out.getvalue()


def test_a_long_line_stays_one_and_brackets_stay_brackets() -> None:
    out = io.StringIO()
    say("[bold] " + "word " * 60, out)
    assert out.getvalue() == "[bold] " + "word " * 60 + "\n"
