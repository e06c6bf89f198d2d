import hashlib
import os
import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from detoxify import detoxify

from filters.scorer import ScorerLoadError
from filters.scorers.checkpoint import (
    CARD,
    SUMS,
    find_checkpoint,
    languages_read,
    loadable,
    read_checkpoint,
    sha256,
    verify_sums,
    write_sums,
)
from tests.filters.scorers.conftest import tiny_contents


class Trap:
    """When unpickled in full, it makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.folder),)


def saved(folder: Path, name: str = "model.ckpt", data: bytes = b"weights") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def test_a_file_or_the_only_checkpoint_of_a_folder_is_found(tmp_path: Path) -> None:
    path = saved(tmp_path)
    assert find_checkpoint(str(path)) == path
    assert find_checkpoint(str(tmp_path)) == path


@pytest.mark.parametrize("names", [[], ["a.ckpt", "b.ckpt"]])
def test_a_folder_with_none_or_several_is_refused(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        saved(tmp_path, name)
    with pytest.raises(ScorerLoadError, match=rf"exactly one \*.ckpt in this folder, found {len(names)}"):
        find_checkpoint(str(tmp_path))


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ScorerLoadError, match=r"scorer orginal: .*multilingual, original, original-small") as caught:
        find_checkpoint("orginal")
    assert "\n" not in str(caught.value)


def published(folder: Path, data: bytes, monkeypatch: pytest.MonkeyPatch, digest: str | None = None) -> Path:
    """Publishes `data` as detoxify's `original`, its digest in the file name; returns torch.hub's folder."""
    digest = digest or hashlib.sha256(data).hexdigest()
    source = saved(folder, f"toxic_original-{digest[:8]}.ckpt", data)
    monkeypatch.setitem(detoxify.MODEL_URLS, "original", source.as_uri())
    monkeypatch.setattr(torch.hub, "_hub_dir", str(folder / "hub"))
    return folder / "hub" / "checkpoints"


def test_a_known_name_is_downloaded_once_and_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = published(tmp_path, b"weights", monkeypatch)
    found = find_checkpoint("original")
    assert found.parent == cache and found.read_bytes() == b"weights"
    (tmp_path / found.name).unlink()
    assert find_checkpoint("original") == found


def test_a_download_with_another_digest_is_refused_and_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = published(tmp_path, b"weights", monkeypatch, digest="0" * 64)
    with pytest.raises(ScorerLoadError, match="scorer original: expected to download"):
        find_checkpoint("original")
    assert list(cache.iterdir()) == []


def test_a_cached_file_that_was_changed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published(tmp_path, b"weights", monkeypatch)
    find_checkpoint("original").write_bytes(b"other")
    with pytest.raises(ScorerLoadError, match=r"expected sha256 [0-9a-f]{8}\.\.\."):
        find_checkpoint("original")


def sums_of(*paths: Path) -> str:
    return "".join(f"{sha256(path)}  {path.name}\n" for path in paths)


def test_sums_that_agree_are_taken(tmp_path: Path) -> None:
    path, config = saved(tmp_path), saved(tmp_path, "config.json", b"{}")
    (tmp_path / SUMS).write_text(sums_of(path, config))
    assert find_checkpoint(str(tmp_path)) == path


@pytest.mark.parametrize("broken", ["model.ckpt", "config.json"])
@pytest.mark.parametrize("gone", [True, False])
def test_a_file_that_does_not_agree_with_its_sum_is_refused(tmp_path: Path, broken: str, gone: bool) -> None:
    path, config = saved(tmp_path), saved(tmp_path, "config.json", b"{}")
    (tmp_path / SUMS).write_text(sums_of(path, config))
    (tmp_path / broken).write_bytes(b"changed")
    if gone and broken == "config.json":
        config.unlink()
    with pytest.raises(ScorerLoadError, match=f"{broken}: expected a file with sha256"):
        find_checkpoint(str(path))


@pytest.mark.parametrize("line", ["", "nonsense", f"{'0' * 64}  ../other.ckpt", f"{'0' * 63}  model.ckpt"])
def test_sums_that_are_none_or_leave_the_checkpoint_out_are_refused(tmp_path: Path, line: str) -> None:
    saved(tmp_path)
    (tmp_path / SUMS).write_text(f"{line}\n")
    with pytest.raises(ScorerLoadError, match=f"{SUMS}: expected (a line for model.ckpt|lines of SHA256)"):
        find_checkpoint(str(tmp_path))


def test_a_sound_checkpoint_is_read(tiny_folder: Callable[..., Path]) -> None:
    contents = read_checkpoint(tiny_folder() / "model.ckpt")
    assert contents["config"] == tiny_contents()["config"]


def test_a_poisoned_checkpoint_is_refused_and_its_code_not_run(tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    torch.save({**tiny_contents(), "epoch": Trap(sprung)}, tmp_path / "model.ckpt")
    with pytest.raises(ScorerLoadError, match="tensors, text, numbers and lists only") as caught:
        read_checkpoint(tmp_path / "model.ckpt")
    assert not sprung.exists()
    assert "weights_only" not in str(caught.value)
    torch.load(tmp_path / "model.ckpt", weights_only=False)
    assert sprung.exists(), "the trap does not work, so the test shows nothing"


def test_a_bare_pickle_is_refused_and_its_code_not_run(tmp_path: Path) -> None:
    path = saved(tmp_path, data=pickle.dumps(Trap(tmp_path / "sprung"), protocol=2))
    with pytest.raises(ScorerLoadError):
        read_checkpoint(path)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("data", [b"", b"not a checkpoint", b"PK\x03\x04"])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ScorerLoadError, match=r"model.ckpt: expected"):
        read_checkpoint(saved(tmp_path, data=data))


def arch(contents: dict[str, Any]) -> dict[str, Any]:
    args: dict[str, Any] = contents["config"]["arch"]["args"]
    return args


@pytest.mark.parametrize(
    "change",
    [
        lambda contents: contents.pop("config"),
        lambda contents: contents.pop("state_dict"),
        lambda contents: contents.update(config=[]),
        lambda contents: contents.update(state_dict={}),
        lambda contents: contents["state_dict"].update(extra="text"),
        lambda contents: contents["config"].pop("dataset"),
        lambda contents: contents["config"]["dataset"]["args"].update(classes=[]),
        lambda contents: contents["config"]["dataset"]["args"].update(classes=["a", 1]),
        lambda contents: arch(contents).pop("num_classes"),
        lambda contents: arch(contents).update(num_classes=2),
        lambda contents: arch(contents).update(num_classes="4"),
        lambda contents: arch(contents).update(more=1),
        lambda contents: arch(contents).update(model_type=7),
        lambda contents: arch(contents).update(model_name="BertModel"),
        lambda contents: arch(contents).update(model_name="pipeline"),
        lambda contents: arch(contents).update(tokenizer_name="BertConfig"),
    ],
)
def test_another_structure_is_refused(tiny_folder: Callable[..., Path], change: Callable[..., object]) -> None:
    with pytest.raises(ScorerLoadError, match=r"model.ckpt: expected a detoxify checkpoint with config"):
        read_checkpoint(tiny_folder(change) / "model.ckpt")


@pytest.fixture
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for temporary files."""
    folder = tmp_path / "private"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_with_its_config_a_copy_names_its_own_folder_and_is_deleted(
    tiny_folder: Callable[..., Path], private: Path
) -> None:
    folder = tiny_folder()
    contents = read_checkpoint(folder / "model.ckpt")
    with loadable(folder / "model.ckpt", contents) as (path, config_folder):
        assert config_folder == str(folder)
        assert private in path.parents
        assert arch(read_checkpoint(path)) == {**arch(contents), "model_type": str(folder)}
    assert arch(contents)["model_type"] == "not/a/folder"
    assert list(private.iterdir()) == []


def test_no_copy_is_made_where_it_is_not_needed(
    tiny_folder: Callable[..., Path], private: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tiny_folder(lambda contents: arch(contents).update(model_type="tiny"))
    monkeypatch.chdir(folder.parent)
    path = folder / "model.ckpt"
    with loadable(path, read_checkpoint(path)) as handed:
        assert handed == (path, str(folder))
    (folder / "config.json").unlink()
    with loadable(path, read_checkpoint(path)) as handed:
        assert handed == (path, None)
    assert list(private.iterdir()) == []


@pytest.mark.parametrize(
    ("card", "languages"),
    [
        ("---\nlanguage: en\n---\n# Card\n", {"en"}),
        ("---\nlanguage: [en, DE]\n---\n", {"en", "de"}),
        ("---\nlicense: apache-2.0\n---\n", None),
        ("---\nlanguage: []\n---\n", None),
        ("# No head\n", None),
        (None, None),
    ],
)
def test_the_card_beside_a_checkpoint_says_what_it_reads(tmp_path: Path, card: str | None, languages: object) -> None:
    if card is not None:
        (tmp_path / CARD).write_text(card, encoding="utf-8")
    assert languages_read(str(tmp_path), tmp_path) == languages


def test_a_card_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / CARD).write_text("---\nlanguage: [en\n---\n", encoding="utf-8")
    with pytest.raises(ScorerLoadError, match="YAML at its head"):
        languages_read(str(tmp_path), tmp_path)


def test_detoxifys_own_models_read_what_they_were_trained_on(tmp_path: Path) -> None:
    assert languages_read("original", tmp_path) == frozenset({"en"})
    assert languages_read("multilingual", tmp_path) == frozenset({"en", "fr", "es", "it", "pt", "tr", "ru"})


def test_the_bundled_classifier_says_what_it_reads() -> None:
    folder = Path(__file__).parents[3] / "models/classifier"
    assert "en" in (languages_read(str(folder), folder) or ())


def test_sums_that_were_written_hold_until_a_file_changes(tmp_path: Path) -> None:
    for name in ("a.ckpt", "b.json"):
        (tmp_path / name).write_text(name)
    write_sums(tmp_path, ("b.json", "a.ckpt"))
    assert [line.split("  ")[1] for line in (tmp_path / SUMS).read_text().splitlines()] == ["b.json", "a.ckpt"]
    verify_sums(tmp_path / "a.ckpt", required=True)
    (tmp_path / "b.json").write_text("another")
    with pytest.raises(ScorerLoadError, match="expected a file with sha256"):
        verify_sums(tmp_path / "a.ckpt", required=True)
