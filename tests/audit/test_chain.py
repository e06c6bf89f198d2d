"""What is changed, gone or cut off a log is found, and said to be the one or the other."""

import gzip
import random
from pathlib import Path

import pytest

from server.audit.chain import in_order, verify
from server.audit.line import Head, read, written
from server.errors import StartError
from tests.audit.builders import answered, log, opened


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


@pytest.fixture
def lines(path: Path) -> list[bytes]:
    """Six: the beginning, four answers, the end."""
    return log(path)


def test_a_log_as_it_was_written_is_whole(path: Path, lines: list[bytes]) -> None:
    finding = verify(in_order([path]))
    assert (finding.state, finding.words, finding.records, finding.chains) == ("whole", "every record fits", 6, 1)
    assert finding.head.seq == 5 and finding.ended


def test_a_server_that_has_not_ended_is_said(path: Path) -> None:
    opened(path)[0].keep_rest(answered())
    assert verify([path]).words.startswith("every record fits, without an end")


@pytest.mark.parametrize("line", range(5))
def test_a_changed_record_is_named(path: Path, lines: list[bytes], line: int) -> None:
    lines[line] = lines[line].replace(b"2", b"3", 1)
    path.write_bytes(b"".join(lines))
    finding = verify([path])
    assert finding.state == "broken" and finding.words.startswith(f"{path}:{line + 1}: ") and finding.records == line


def test_a_record_that_was_hashed_anew_no_longer_fits_what_follows(path: Path, lines: list[bytes]) -> None:
    before, changed = read(lines[1][:-1]), read(lines[2][:-1])
    assert before is not None and changed is not None
    lines[2], _ = written("answer", {**changed.said, "action": "clean"}, before.head)
    path.write_bytes(b"".join(lines))
    assert verify([path]).words.startswith(f"{path}:4: record 3 does not follow the one before, 2")


def test_records_gone_from_the_middle_are_counted(path: Path, lines: list[bytes]) -> None:
    path.write_bytes(b"".join(lines[:2] + lines[4:]))
    assert verify([path]).words == f"{path}:3: record 4 follows 1: 2 between them are gone"


def test_what_was_put_in_is_named(path: Path, lines: list[bytes]) -> None:
    path.write_bytes(b"".join(lines[:2]) + b"hello\n" + b"".join(lines[2:]))
    assert verify([path]).words.startswith(f"{path}:3: is no record")


def test_a_last_line_that_is_not_whole_is_a_cut(path: Path, lines: list[bytes]) -> None:
    path.write_bytes(b"".join(lines)[:-9])
    finding = verify([path])
    assert finding.state == "cut" and finding.words.startswith(f"{path}:6: is not whole") and finding.records == 5


def test_lines_gone_from_the_end_show_by_a_hash_that_was_kept(path: Path, lines: list[bytes]) -> None:
    kept = verify([path]).head.hash
    path.write_bytes(b"".join(lines[:4]))
    assert verify([path]).state == "whole", "nobody can tell without it"
    assert verify([path], kept).state == "cut"
    path.write_bytes(b"".join(lines))
    assert verify([path], kept).state == "whole"


def test_files_are_read_in_their_order_whatever_they_are_called(path: Path, lines: list[bytes]) -> None:
    parts = [path.with_name(name) for name in ("audit.jsonl", "audit.jsonl.1", "audit.jsonl.2.gz")]
    path.write_bytes(b"".join(lines[4:]))
    parts[1].write_bytes(b"".join(lines[2:4]))
    with gzip.open(parts[2], "wb") as file:
        file.write(b"".join(lines[:2]))
    empty = path.with_name("audit.jsonl.3")
    empty.touch()
    random.Random(1).shuffle(parts)
    assert verify(in_order([*parts, empty])).state == "whole"
    without = [part for part in parts if not part.name.endswith(".1")]
    assert "2 between them are gone" in verify(in_order(without)).words


def test_files_before_the_first_may_be_gone_and_it_is_said(path: Path, lines: list[bytes]) -> None:
    path.write_bytes(b"".join(lines[3:]))
    finding = verify([path])
    assert finding.state == "whole" and finding.words.endswith("goes on from record 2, which is not in these files")


def test_a_chain_begins_with_a_server_alone(path: Path, lines: list[bytes]) -> None:
    other = path.with_name("other.jsonl")
    path.write_bytes(b"".join(lines + log(other)))
    assert verify([path]).chains == 2
    forged, _ = written("answer", {"time": "9"}, Head())
    path.write_bytes(b"".join(lines) + forged)
    assert verify([path]).state == "broken"


def test_what_is_no_log_is_said_in_one_line(path: Path) -> None:
    path.write_text("hello\n")
    with pytest.raises(StartError, match="no audit log"):
        in_order([path])
    with pytest.raises(StartError, match="No such file"):
        in_order([path.with_name("none")])
