"""Tests of server/policy/document.py."""

from pathlib import Path

import pytest

from server.errors import FileError
from server.policy import document
from server.policy.document import MOST_BYTES, read

EXPECTED = "the keys 'default' and 'policies'"


def read_(path: Path) -> object:
    return read(path, EXPECTED)


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "policies.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(FileError) as caught:
        read(path, EXPECTED)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")


@pytest.mark.parametrize("word", ["off", "Off", "on", "yes", "no", "y", "n"])
def test_only_true_and_false_are_booleans(tmp_path: Path, word: str) -> None:
    assert read_(written(tmp_path, f"mode: {word}\nopen: true\nshut: False")) == {
        "mode": word,
        "open": True,
        "shut": False,
    }


@pytest.mark.parametrize("empty", ["", "\n\n", "# nothing but words\n", "---\n...\n", "null"])
def test_an_empty_file_says_what_is_missing(tmp_path: Path, empty: str) -> None:
    assert refusal(written(tmp_path, empty)) == "found an empty file, expected the keys 'default' and 'policies'"


@pytest.mark.parametrize(
    ("content", "start"),
    [
        ("a: [1, 2\nb: 3", "not YAML (line 2, column 2): "),
        ("a: 1\n\tb: 2", "not YAML (line 2, column 1): "),
        ("a: !!python/object:os.system {}", "not YAML (line 1, column 4): "),
        ("a: 1\n---\nb: 2", "not YAML (line 2, column 1): "),
        ("? {a: 1}\n: 1", "not YAML (line 1, column 3): "),
        (b"a: \xff\xfe", "not YAML: "),
        ("a: " + "1" * 5000, "not usable as YAML: "),
        ("a: !!bool perhaps", "not usable as YAML: "),
        ("? [[a]]\n: 1", "not usable as YAML: "),
        ("[" * 5000, "not usable as YAML: nested in more than 20 levels"),
        ("[" * 20 + "]" * 20 + "]", "not YAML (line 1, column 41): "),
        ("a:\n" + "".join(" " * level + "a:\n" for level in range(1, 500)), "not usable as YAML: nested in more"),
    ],
)
def test_what_is_not_yaml_is_told_with_its_place(tmp_path: Path, content: str | bytes, start: str) -> None:
    assert refusal(written(tmp_path, content)).startswith(start)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: 1\nb: 2\na: 3", 'found duplicate key "a", expected it once (line 3, column 1)'),
        ("p:\n  x:\n    s: 1\n    s: 1", 'found duplicate key "s", expected it once (line 4, column 5)'),
        ("p: {x: 1, x: 1}", 'found duplicate key "x", expected it once (line 1, column 11)'),
    ],
)
def test_a_key_given_twice_is_refused(tmp_path: Path, content: str, message: str) -> None:
    assert refusal(written(tmp_path, content)) == message


def test_long_keys_that_differ_at_their_end_are_two_keys(tmp_path: Path) -> None:
    first, second = "x" * 50 + "1", "x" * 50 + "2"
    assert read_(written(tmp_path, f"{first}: 1\n{second}: 2")) == {first: 1, second: 2}


def test_a_merged_key_may_be_given_again(tmp_path: Path) -> None:
    content = "base: &base {stride: 8, context: 9}\nother: {<<: *base, stride: 16}"
    assert read_(written(tmp_path, content)) == {
        "base": {"stride": 8, "context": 9},
        "other": {"stride": 16, "context": 9},
    }


def test_a_document_that_contains_itself_is_read(tmp_path: Path) -> None:
    value = read_(written(tmp_path, "a: &a {b: *a}"))
    assert isinstance(value, dict)
    assert value["a"]["b"] is value["a"]


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    assert refusal(tmp_path / "absent.yaml") == "cannot be read: No such file or directory"


def test_a_folder_is_one_line(tmp_path: Path) -> None:
    assert refusal(tmp_path) == "cannot be read: Is a directory"


def test_a_date_is_text(tmp_path: Path) -> None:
    assert read_(written(tmp_path, "a: 2024-01-31")) == {"a": "2024-01-31"}


def test_of_what_is_too_long_no_more_is_read_than_shows_it(tmp_path: Path) -> None:
    told = f"has more than {MOST_BYTES} bytes; take something out, or name another file"
    assert refusal(written(tmp_path, "a: 1\n" + "#" * MOST_BYTES)) == told
    assert refusal(Path("/dev/zero")) == told


def test_a_file_may_be_as_long_as_that(tmp_path: Path) -> None:
    assert read_(written(tmp_path, "#" * (MOST_BYTES - 5) + "\na: 1")) == {"a": 1}


def test_so_it_is_with_too_many_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "MOST_VALUES", 21)
    most = "\n".join(f"p{number}: {number}" for number in range(10))
    assert len(dict.fromkeys(read_(written(tmp_path, most)))) == 10  # type: ignore[call-overload]
    told = "not usable as YAML: more than 21 keys and values; take something out, or name another file"
    assert refusal(written(tmp_path, most + "\nq: 1")) == told
    assert refusal(written(tmp_path, most + "\nq: [[[[[")) == told


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("hush: [1, hush: 3", "not YAML (line 1, column 18)"),
        ("a: !!int hush", "not usable as YAML: a value that cannot be what its tag says"),
        ("hush: 1\nhush: 2", "found a key twice, expected it once (line 2, column 1)"),
        (b"hush: \xff", "not YAML: expected text in UTF-8"),
        ("[" * 5000, "not usable as YAML: nested in more than 20 levels"),
    ],
)
def test_of_a_private_file_no_value_is_told(tmp_path: Path, content: str | bytes, told: str) -> None:
    with pytest.raises(FileError) as caught:
        read(written(tmp_path, content), EXPECTED, private=True)
    assert str(caught.value).endswith(f": {told}") and "hush" not in str(caught.value)
