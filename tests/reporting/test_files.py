from pathlib import Path

import pytest

from reporting.files import write_whole


def test_a_file_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    for text in ("one", "two é"):
        write_whole(path, text)
        assert path.read_text(encoding="utf-8") == text
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written_leaves_the_former_one(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    write_whole(path, "one")
    (tmp_path / "state.json.partial").mkdir()
    with pytest.raises(OSError):
        write_whole(path, "two")
    assert path.read_text(encoding="utf-8") == "one"
