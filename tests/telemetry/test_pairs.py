"""The file of preference pairs: who may read it, what a line is, and what a disk that fails leaves of it."""

import json
import logging
import os
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import StartError
from server.generation.pairs import Pair
from server.telemetry.pairs import PairFile, check, writing
from tests.audit.builders import Counted
from tests.properties import examples

PAIR = Pair("User: hello\nAssistant: well you", " friend said", " idiot said")


@pytest.fixture(autouse=True)
def heard(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger("unsay"), "propagate", True)
    caplog.set_level("INFO", "unsay.pairs")


def _lines(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_a_new_file_is_its_owners_alone_and_the_log_says_what_is_in_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "pairs.jsonl"
    before = os.umask(0)
    try:
        with writing(path, Counted()) as pairs:
            assert pairs is not None
            assert path.stat().st_mode & 0o777 == 0o600
            pairs.add(PAIR)
            assert len(_lines(path)) == 1, "a line is in the file at once"
    finally:
        os.umask(before)
    began, ended = caplog.records
    assert began.levelname == "WARNING" and "flagged text" in began.getMessage()
    assert began.__dict__["file"] == str(path)
    assert (ended.__dict__["pairs"], ended.__dict__["lost"]) == (1, 0)
    assert "idiot" not in caplog.text and "hello" not in caplog.text


def test_a_file_can_be_checked_beforehand_without_a_word(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    check(None)
    path = tmp_path / "pairs.jsonl"
    check(path)
    assert path.stat().st_mode & 0o777 == 0o600 and not caplog.records
    with writing(path, Counted()), pytest.raises(StartError, match="another server writes"):
        check(path)


def test_lines_are_added_behind_those_that_are_there(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    for _ in range(2):
        with writing(path, Counted()) as pairs:
            assert pairs is not None
            pairs.add(PAIR)
    wanted = {"prompt": PAIR.prompt, "chosen": PAIR.chosen, "rejected": PAIR.rejected}
    assert _lines(path) == [wanted, wanted]
    assert list(_lines(path)[0]) == ["prompt", "chosen", "rejected"]


@examples(50)
@given(st.builds(Pair, st.text(), st.text(), st.text()))
def test_whatever_the_text_is_a_pair_is_one_line_of_ascii(tmp_path_factory: pytest.TempPathFactory, pair: Pair) -> None:
    path = tmp_path_factory.mktemp("any") / "pairs.jsonl"
    with writing(path, Counted()) as pairs:
        assert pairs is not None
        pairs.add(pair)
    data = path.read_bytes()
    assert data.isascii() and data.count(b"\n") == 1
    assert Pair(**json.loads(data)) == pair


def test_without_a_path_there_is_no_file() -> None:
    with writing(None, Counted()) as pairs:
        assert pairs is None


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o620, 0o601])
def test_a_file_that_others_may_touch_is_refused_and_left_as_it_was(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text("old")
    path.chmod(mode)
    with pytest.raises(StartError, match=r"--pairs-out: others may read .*`chmod 600`"), writing(path, Counted()):
        pass
    assert path.read_text() == "old" and path.stat().st_mode & 0o777 == mode


def test_a_file_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "pairs.jsonl"
    path.touch(0o600)
    monkeypatch.setattr("os.geteuid", lambda: path.stat().st_uid + 1)
    with pytest.raises(StartError, match="others may read"), writing(path, Counted()):
        pass


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def _pipe(path: Path) -> Path:
    os.mkfifo(path, 0o600)
    return path


def _nowhere(path: Path) -> Path:
    return path / "pairs.jsonl"


@pytest.mark.parametrize(
    ("make", "word"), [(_folder, "directory"), (_pipe, "no regular file"), (_nowhere, "No such file")]
)
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, make: Callable[[Path], Path], word: str) -> None:
    path = make(tmp_path / "it")
    with pytest.raises(StartError, match=f"--pairs-out: .*{word}.*name "), writing(path, Counted()):
        pass


def test_one_server_at_a_time_writes_to_a_file(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    with writing(path, Counted()), pytest.raises(StartError, match="another server"), writing(path, Counted()):
        pass
    with writing(path, Counted()):
        pass


def test_a_line_that_a_crash_cut_short_takes_no_other_with_it(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text('{"prompt": "a"}\n{"pro')
    path.chmod(0o600)
    with writing(path, Counted()) as pairs:
        assert pairs is not None
        pairs.add(PAIR)
    assert [line[:6] for line in path.read_text().splitlines()] == ['{"prom', '{"pro', '{"prom']


SMALL = 250


@contextmanager
def small_disk() -> Iterator[None]:
    """A file may hold `SMALL` bytes, as on a disk that is full. Only within the test: pytest writes files as well."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


def test_pairs_that_cannot_be_written_are_counted_and_leave_whole_lines(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "pairs.jsonl"
    counted = Counted()
    with small_disk(), writing(path, counted) as pairs:
        assert isinstance(pairs, PairFile)
        for _ in range(5):
            pairs.add(PAIR)
    kept = len(_lines(path))
    assert 0 < kept < 5 and path.stat().st_size < SMALL
    assert (pairs.written, pairs.lost) == (kept, 5 - kept)
    assert counted == {"pair written": kept, "pair lost": 5 - kept}
    lost = [record for record in caplog.records if record.getMessage() == "pairs are lost"]
    assert len(lost) == 1 and lost[0].__dict__["reason"] == "File too large"
    assert "idiot" not in caplog.text
