"""How long the server waits, as the operator says it."""

import pytest

from server.configuration import parse
from server.patience import Patience


def test_everything_has_a_default() -> None:
    assert parse(["serve"]).settings.patience == Patience()
    assert (Patience().grace_seconds, Patience().request_seconds, Patience().engine_seconds) == (25, 60, 20)


def test_each_may_be_said() -> None:
    words = ["serve", "--grace-seconds", "0", "--request-seconds", "5.5", "--engine-seconds", "90"]
    assert parse(words).settings.patience == Patience(grace_seconds=0, request_seconds=5.5, engine_seconds=90)


@pytest.mark.parametrize(
    "words",
    [("--grace-seconds", "-1"), ("--grace-seconds", "inf"), ("--request-seconds", "0"), ("--engine-seconds", "nan")],
)
def test_what_is_no_time_is_refused_and_named(words: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(["serve", *words])
    assert ended.value.code == 2 and words[0] in capsys.readouterr().err.splitlines()[-1]
