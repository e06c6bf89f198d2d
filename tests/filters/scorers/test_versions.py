import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from filters.scorer import ScorerLoadError
from filters.scorers import versions
from filters.scorers.heads import Heads, nothing, with_category, with_correction
from filters.scorers.versions import ABOUT, HEADS

OWN = ("toxicity", "insult")


def heads() -> Heads:
    made = with_category(nothing(3), "spoilers", np.array([1.0, 2.0, 3.0]), 0.5, 2)
    return with_correction(made, 2, np.array([0.0, 1.0, 0.0]), 0.1, 0.2)


def saved(folder: Path) -> str:
    return versions.save(folder, heads(), OWN, {"classifier_sha256": "ab"}, "# {name}\n")


def test_a_version_is_read_as_it_was_written(tmp_path: Path) -> None:
    name = saved(tmp_path)
    found = versions.load(tmp_path, name, "ab", OWN)
    assert (found.version, found.categories, found.of) == (name, ("spoilers",), (2,))
    for part in ("own", "own_bias", "corrections", "correction_bias", "quiet"):
        assert torch.equal(getattr(found, part), getattr(heads(), part))
    assert (versions.place(tmp_path, name) / versions.CARD).read_text() == f"# {name}\n"


def test_the_same_is_named_by_the_same_hash(tmp_path: Path) -> None:
    first, second = saved(tmp_path), saved(tmp_path)
    assert (first[:4], second[:4]) == ("0001", "0002")
    assert first[5:] == second[5:]


def test_a_version_of_another_classifier_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScorerLoadError, match="was learned beside another classifier; learn again with this one"):
        versions.load(tmp_path, saved(tmp_path), "cd", OWN)


def about(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    def changed(folder: Path) -> None:
        said = json.loads((folder / ABOUT).read_text())
        change(said)
        (folder / ABOUT).write_text(json.dumps(said))

    return changed


@pytest.mark.parametrize(
    "broken",
    [
        lambda folder: (folder / HEADS).write_bytes((folder / HEADS).read_bytes() + b" "),
        lambda folder: (folder / HEADS).unlink(),
        about(lambda said: said.update(categories=[])),
        about(lambda said: said.update(categories=["spoilers", "more"])),
        about(lambda said: said.update(corrects=["nobody"])),
        about(lambda said: said.pop("corrects")),
    ],
)
def test_what_was_changed_is_refused(broken: Callable[[Path], object], tmp_path: Path) -> None:
    name = saved(tmp_path)
    broken(versions.place(tmp_path, name))
    with pytest.raises(ScorerLoadError, match=r"expected heads that fit version\.json"):
        versions.load(tmp_path, name, "ab", OWN)


def test_numbers_that_are_none_are_refused(tmp_path: Path) -> None:
    made = with_category(nothing(3), "spoilers", np.array([np.nan, 0, 0]), 0.0, 2)
    name = versions.save(tmp_path, made, OWN, {"classifier_sha256": "ab"}, "")
    with pytest.raises(ScorerLoadError, match="expected heads that fit"):
        versions.load(tmp_path, name, "ab", OWN)


@pytest.mark.parametrize("name", ["0009-none", "../versions", "."])
def test_a_name_of_no_version_is_refused_with_those_that_there_are(name: str, tmp_path: Path) -> None:
    known = saved(tmp_path)
    with pytest.raises(ScorerLoadError, match=f"expected the name of a version; there are: {known}"):
        versions.load(tmp_path, name, "ab", OWN)


def test_a_broken_note_is_refused(tmp_path: Path) -> None:
    name = saved(tmp_path)
    (versions.place(tmp_path, name) / ABOUT).write_text("[")
    with pytest.raises(ScorerLoadError, match="expected a JSON object"):
        versions.about(tmp_path, name)
