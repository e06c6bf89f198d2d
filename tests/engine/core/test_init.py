"""The page on porting to another vLLM: it names what there is."""

import re
from pathlib import Path

import pytest
import vllm

from server.engine import core

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "server" / "engine" / "core"
PAGE = str(core.__doc__)
OURS = re.compile(r"(?<![\w./-])((?:\.\./|tests/|docs/)?[\w./*-]*\.(?:py|md|toml|in|sh))(?![\w/])")
"""Paths as the page has them: from the root of the repository, or from its own folder."""


def places(path: str) -> list[Path]:
    """The files that a path of the page means, within ours or within vLLM's."""
    beside = Path("server/engine/core") / path
    vllms = Path(vllm.__file__).parent
    found = [*ROOT.glob(path), *ROOT.glob(str(beside))] if ".." not in path else [FOLDER / path]
    tests = ROOT.glob(f"tests/engine/core/{path}") if "/" not in path else ()
    return [place for place in (*found, *tests, vllms / path) if place.exists()]


def test_this_vllm_is_supported() -> None:
    assert vllm.__version__.startswith(core.SUPPORTED)


def test_a_supported_version_ends_in_a_dot() -> None:
    """0.3 would take 0.32 for one of its own."""
    assert all(re.fullmatch(r"\d+\.\d+\.", minor) for minor in core.SUPPORTED)


@pytest.mark.parametrize("module", sorted(path.name for path in FOLDER.glob("*.py") if path.name != "__init__.py"))
def test_every_file_of_the_folder_is_on_the_page(module: str) -> None:
    assert re.search(rf"(?<![\w/]){re.escape(module)}", PAGE)


@pytest.mark.parametrize("path", sorted(set(OURS.findall(PAGE))))
def test_every_file_on_the_page_is_there(path: str) -> None:
    assert places(path), f"{path} has moved"


@pytest.mark.parametrize("folder", sorted(set(re.findall(r"(?<![\w./])(?:[a-z_0-9]+/)+(?![\w/])", PAGE))))
def test_every_folder_of_vllms_on_the_page_is_there(folder: str) -> None:
    assert (Path(vllm.__file__).parent / folder).is_dir(), f"vLLM moved {folder}"
