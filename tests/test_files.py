"""The operator's files before a server is there; what it does with them: tests/test_app.py."""

from pathlib import Path

import pytest

from server.configuration import Settings
from server.errors import StartError
from server.files import check_files

HASH = "e" * 64


def write(file: Path, content: str) -> Path:
    file.write_text(content)
    return file


def test_files_are_read_before_anything_is_loaded(tmp_path: Path) -> None:
    keys = write(tmp_path / "k.yaml", f"keys: {{app: {{hash: {HASH}, policies: [strict]}}}}")
    check_files(Settings(keys_file=keys))
    check_files(Settings())
    write(keys, f"keys: {{app: {{hash: {HASH}, policies: [nosuch]}}}}")
    with pytest.raises(StartError, match="nosuch"):
        check_files(Settings(keys_file=keys))
