"""Files that change while the server runs: when they are read again, and that a broken one changes nothing."""

import os
from pathlib import Path

import pytest

from server.errors import StartError
from server.reloading import File, Reloaded, Result


class Told:
    """Remembers what was counted, and what came into force."""

    def __init__(self) -> None:
        self.counted: list[tuple[File, Result]] = []
        self.values: list[str] = []

    def reloaded(self, file: File, result: Result) -> None:
        self.counted.append((file, result))


def load(path: Path) -> str:
    """The words of a file, of which some are refused."""
    try:
        words = path.read_text()
    except OSError as error:
        raise StartError(f"{path}: {error.strerror}") from None
    if words.startswith("broken"):
        raise StartError(f"{path}: a: does not fit")
    if words.startswith("bug"):
        raise RuntimeError("words of the file")
    return words


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "file"
    write(made, "first")
    return made


def write(path: Path, words: str) -> None:
    path.write_text(words)


def replace(path: Path) -> None:
    """Put a link in the place of a file, to one of the same size and time."""
    other = path.with_name("other")
    other.write_text("other")
    before = path.stat()
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    path.unlink()
    path.symlink_to(other)


def gone(path: Path) -> None:
    path.unlink()


def reloaded(path: Path) -> tuple[Reloaded[str], Told]:
    told = Told()
    made = Reloaded("keys", path, load, told)
    made.then = told.values.append
    return made, told


async def looked(made: Reloaded[str], times: int = 2) -> str:
    """What is in force after so many looks."""
    for _ in range(times):
        made.look()
        if made.reading is not None:
            await made.reading
    return made.value


async def test_a_file_that_stays_as_it_was_is_read_once(path: Path) -> None:
    made, told = reloaded(path)
    assert await looked(made, 5) == "first" and told.counted == [] and made.reading is None


async def test_another_one_is_in_force_once_it_has_settled(path: Path) -> None:
    made, told = reloaded(path)
    write(path, "second")
    assert await looked(made, 1) == "first", "somebody may be writing it"
    write(path, "the third")
    assert await looked(made, 1) == "first"
    assert await looked(made, 3) == "the third"
    assert told.counted == [("keys", "loaded")] and told.values == ["the third"]


async def test_one_that_is_put_in_its_place_is_too(path: Path) -> None:
    """By renaming, or by a link that leads elsewhere, as Kubernetes does it; same size and time."""
    made, _ = reloaded(path)
    replace(path)
    assert await looked(made) == "other"


@pytest.mark.parametrize(("words", "reason"), [("broken", "a: does not fit"), ("bug", "RuntimeError")])
async def test_a_broken_one_leaves_the_old_in_force_and_is_logged_and_counted_once(
    words: str, reason: str, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made, told = reloaded(path)
    write(path, words)
    assert await looked(made, 5) == "first"
    assert told.counted == [("keys", "failed")] and told.values == []
    (record,) = caplog.records
    assert record.levelname == "ERROR" and record.__dict__["file"] == "keys"
    assert record.__dict__["reason"].endswith(reason) and "words of the file" not in caplog.text
    write(path, "mended")
    assert await looked(made) == "mended" and told.counted[1:] == [("keys", "loaded")]


async def test_so_does_one_that_is_gone(path: Path) -> None:
    made, told = reloaded(path)
    gone(path)
    assert await looked(made, 4) == "first" and told.counted == [("keys", "failed")]
    write(path, "back")
    assert await looked(made) == "back"


async def test_what_changes_while_it_is_read_is_read_again(path: Path) -> None:
    made, _ = reloaded(path)
    write(path, "second")
    made.look()
    made.look()
    write(path, "the third")
    made.look()
    assert await looked(made, 3) == "the third"


def test_at_the_start_a_broken_one_is_an_error(path: Path) -> None:
    write(path, "broken")
    with pytest.raises(StartError, match="does not fit"):
        reloaded(path)
