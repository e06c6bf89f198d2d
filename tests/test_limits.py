"""What one request may ask for, and all together, is said with options, and told in the docs."""

import re
from dataclasses import asdict
from pathlib import Path

import pytest

from server.configuration import parse
from server.limits import Limits, Room

DOCS = Path(__file__).resolve().parents[1] / "docs" / "operations.md"


def said(*words: str) -> Limits:
    return parse(["serve", *words]).settings.limits


def test_every_limit_has_a_default_and_an_option() -> None:
    assert said() == Limits()
    words = [word for name in asdict(Limits()) for word in (f"--max-{name.replace('_', '-')}", "7")]
    assert set(asdict(said(*words)).values()) == {7}


def test_room_for_all_has_defaults_and_options() -> None:
    assert parse(["serve"]).settings.room == Room()
    words = ["serve", "--max-under-way", "7", "--max-scorer-backlog", "1.5"]
    assert parse(words).settings.room == Room(choices=7, backlog_seconds=1.5)
    assert parse(["serve", "--scorer-deadline", "2"]).settings.room.backlog_seconds == 0.5, "a quarter of it"


def test_none_can_be_less_than_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        said("--max-choices", "0")
    assert "--max-choices" in capsys.readouterr().err


def test_the_docs_name_every_option_and_its_default() -> None:
    told = dict(re.findall(r"^\| `--max-([a-z-]+)` \| ([0-9,]+) \|", DOCS.read_text(encoding="utf-8"), re.MULTILINE))
    assert told == {name.replace("_", "-"): f"{most:,}" for name, most in asdict(Limits()).items()}
