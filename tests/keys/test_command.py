"""`unsay keys new`: the key once, and an entry that a file of keys takes as it is."""

from pathlib import Path

import pytest

from server.keys.command import main
from server.keys.file import load
from server.keys.key import PREFIX, Key, Quota, digest


def made(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[str, str]:
    """The key, and what belongs in the file: all that is printed where a shell would redirect it."""
    assert main(["new", *words]) == 0
    printed = capsys.readouterr()
    (key,) = (line for line in printed.err.splitlines() if line.startswith(PREFIX))
    return key, printed.out


def test_what_is_printed_is_a_file_that_knows_the_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("app", "--policy", "strict", "--policy", "default", "--right", "loosen", "--tokens-per-minute", "9")
    key, printed = made(capsys, *words)
    assert key not in printed
    file = tmp_path / "keys.yaml"
    file.write_text(printed)
    wanted = Key("app", ("strict", "default"), frozenset({"loosen"}), Quota(tokens_per_minute=9))
    assert load(file).find(digest(key)) == wanted


def test_a_key_is_new_each_time_and_long(capsys: pytest.CaptureFixture[str]) -> None:
    (first, one), (second, _) = made(capsys, "app"), made(capsys, "app")
    assert first != second and len(first) == len(PREFIX) + 43
    assert one.splitlines()[-1].strip() == f"hash: {digest(first).hex()}"


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["new"], "NAME"),
        (["new", "a b"], "argument NAME: expected a name of 1 to 64 letters"),
        (["new", "a", "--right", "all"], "--right"),
        (["new", "a", "--concurrency", "0"], "--concurrency: expected a whole number of at least 1"),
        ([], "COMMAND"),
    ],
)
def test_a_wrong_word_is_named(words: list[str], named: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2 and named in capsys.readouterr().err.splitlines()[-1]
