"""The audit log on disk: whole lines in one chain, over rotations, starts, crashes and a disk that is full."""

import json
import logging
import os
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from server.audit.chain import in_order, verify
from server.audit.file import AuditFile, Keeping, auditing, check
from server.errors import StartError, Unavailable
from server.telemetry import logs
from tests.audit.builders import Counted, answered, log, opened


@pytest.fixture(autouse=True)
def heard(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger("unsay"), "propagate", True)
    caplog.set_level("INFO", "unsay.audit")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


def said(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def state(*paths: Path) -> str:
    return verify(in_order(paths)).state


async def test_a_log_is_begun_filled_and_ended_in_a_file_of_its_owner(path: Path) -> None:
    audit, counts = opened(path)
    await audit.keep(answered(1))
    audit.keep_rest(answered(2))
    assert len(said(path)) == 3, "a line is in the file at once"
    audit.close()
    assert _mode(path) == 0o600
    assert [line["kind"] for line in said(path)] == ["begin", "answer", "answer", "end"]
    assert [line["seq"] for line in said(path)] == [0, 1, 2, 3]
    assert said(path)[0]["gate"] == said(path)[1]["gate"] == "ab" * 32
    assert counts == {"written": 2} and state(path) == "whole"


async def test_what_is_done_with_feedback_is_in_the_chain_with_the_request_that_did_it(path: Path) -> None:
    audit, counts = opened(path)
    token = logs.of_request.set("r7")
    audit.note("review", key="ann", item=3)
    logs.of_request.reset(token)
    audit.note("retention", answers=2)
    audit.close()
    found = [{key: line.get(key) for key in ("kind", "request", "key", "item", "answers")} for line in said(path)[1:3]]
    assert found == [
        {"kind": "review", "request": "r7", "key": "ann", "item": 3, "answers": None},
        {"kind": "retention", "request": None, "key": None, "item": None, "answers": 2},
    ]
    assert counts == {"written": 2} and state(path) == "whole"


def test_a_file_that_was_moved_away_is_made_anew_and_the_chain_goes_on(path: Path) -> None:
    audit, _ = opened(path)
    moved = path.with_suffix(".jsonl.1")
    path.rename(moved)
    audit.keep_rest(answered())
    path.unlink()
    audit.keep_rest(answered(1))
    audit.close()
    assert [line["seq"] for line in said(path)] == [2, 3], "the one that was removed is missing, and it is seen"
    assert verify(in_order([path, moved])).state == "broken"


def test_the_next_server_goes_on_where_the_last_one_ended(path: Path) -> None:
    log(path, 1)
    path.rename(path.with_suffix(".jsonl.1"))
    log(path, 1)
    log(path, 1)
    assert [line["seq"] for line in said(path)] == [3, 4, 5, 6, 7, 8]
    finding = verify(in_order([path, path.with_suffix(".jsonl.1")]))
    assert (finding.state, finding.chains, finding.records) == ("whole", 1, 9)


def test_a_line_that_a_crash_has_torn_is_taken_off_and_said(path: Path) -> None:
    lines = log(path)
    path.write_bytes(b"".join(lines) + lines[1][:40])
    log(path, 0)
    assert said(path)[-2]["kind"] == "begin" and said(path)[-2]["torn_bytes"] == 40
    assert state(path) == "whole"


@pytest.mark.parametrize("content", [b"something else\n", b'{"seq": 1}\n'])
def test_a_file_that_is_no_log_is_refused_and_left_as_it_was(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(StartError, match=r"--audit-out: .* does not end with a record"):
        opened(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize(("mode", "fit"), [(0o600, True), (0o640, True), (0o644, False), (0o660, False)])
def test_its_group_may_read_and_nobody_else(path: Path, mode: int, fit: bool) -> None:
    path.touch()
    path.chmod(mode)
    if fit:
        return check(path)
    with pytest.raises(StartError, match="others may read"):
        check(path)


def test_one_server_at_a_time_writes_to_a_log(path: Path) -> None:
    check(None)
    with auditing(path, Keeping(), Counted()), pytest.raises(StartError, match="another server"):
        check(path)
    with auditing(None, Keeping(), Counted()) as nothing:
        assert nothing is None


@contextmanager
def full_disk(path: Path) -> Iterator[None]:
    """Nothing may be added to the file, as on a disk that is full; a record of the size of one more byte fails."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 20, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


async def test_closed_on_a_full_disk_nothing_is_answered_until_it_can_be_recorded(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    audit, counts = opened(path)
    audit.check()
    with full_disk(path):
        with pytest.raises(Unavailable, match="audit log cannot be written"):
            await audit.keep(answered())
        with pytest.raises(Unavailable):
            audit.check()
        audit.keep_rest(answered())
    audit.check()
    await audit.keep(answered())
    audit.close()
    assert [line["kind"] for line in said(path)] == ["begin", "gap", "answer", "end"]
    assert said(path)[1]["lost"] == 2 and counts == {"lost": 2, "written": 1} and state(path) == "whole"
    failed = [record for record in caplog.records if record.levelname == "ERROR"]
    assert [record.getMessage() for record in failed] == ["cannot be written: nothing is answered until it can"]


async def test_open_on_a_full_disk_answers_go_on_and_it_is_said_aloud(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    audit, counts = opened(path, "open")
    with full_disk(path):
        await audit.keep(answered())
        audit.check()
    audit.close()
    assert counts == {"lost": 1} and "ANSWERS GO UNRECORDED" in caplog.text
    assert state(path) == "whole", "no half line is left"


async def test_a_record_is_on_the_disk_when_it_should_be(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    for syncing, at_once, at_a_look in (("answer", 1, 1), ("second", 0, 1), ("never", 0, 0)):
        audit, _ = opened(path, syncing=syncing)  # type: ignore[arg-type]
        synced.clear()
        await audit.keep(answered())
        assert len(synced) == at_once, syncing
        audit.look()
        audit.look()
        await _looked(audit)
        assert len(synced) == at_a_look, syncing
        audit.close()


async def _looked(audit: AuditFile) -> None:
    if audit.syncing is not None:
        await audit.syncing


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_what_is_no_file_is_refused(path: Path, make: Callable[[Path], None]) -> None:
    make(path)
    with pytest.raises(StartError, match="--audit-out"):
        check(path)
