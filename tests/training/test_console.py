import pytest

from training.console import say


def test_a_line_is_written_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    say("half way")
    assert capsys.readouterr().out == "half way\n"
