"""What was learned comes into force and goes while texts are scored, and a state that cannot be had changes nothing."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from filters.batcher import Batcher
from filters.scorer import Scores
from filters.scorers import versions
from filters.scorers.heads import Heads, nothing, with_category
from filters.scorers.scripted import ScriptedScorer
from filters.scorers.shadow import Agreement, Shadow
from filters.scorers.state import State, read_state, write_state
from server.errors import StartError
from server.learned import WRITE_SECONDS, Learned, Unobserved, learned, looked_after
from server.policy.catalog import Catalog, check_categories
from server.policy.policy import Policy
from server.reloading import Current

NAMES = ("spoilers", "medical")


class Classifier(ScriptedScorer):
    """A scripted classifier whose learned categories score 1."""

    checksum = "ab"

    def __init__(self) -> None:
        super().__init__({"rude": 0.9})
        self.own = self.categories
        self.gate = ""
        self.shadow: Shadow | None = None

    def teach(self, heads: Heads | None, shadow: Shadow | None = None) -> None:
        self.categories = (*self.own, *(heads.categories if heads else ()))
        self.gate, self.shadow = heads.version if heads else "", shadow

    def must_read(self, text: str) -> bool:
        return True

    def score(self, texts: Sequence[str]) -> list[Scores]:
        return [dict.fromkeys(self.categories, 1.0) for _ in texts]


class Told(Unobserved):
    def __init__(self) -> None:
        self.versions: list[tuple[str, str]] = []
        self.results: list[str] = []

    def learned(self, current: str, candidate: str) -> None:
        self.versions.append((current, candidate))

    def reloaded(self, file: str, result: str) -> None:
        self.results.append(result)


def saved(folder: Path, name: str, checksum: str = "ab") -> str:
    heads = with_category(nothing(2), name, np.zeros(2), 0.0, 1)
    return versions.save(folder, heads, ("toxicity",), {"classifier_sha256": checksum}, "")


def put(folder: Path, state: State) -> None:
    write_state(folder, state)


async def looked(found: Learned) -> None:
    """Look until what has changed is read and in force."""
    for _ in range(2):
        found.look()
        if found.file.reading is not None:
            await found.file.reading


def catalog(*categories: str) -> Current[Catalog]:
    policy = Policy(name="default", thresholds=dict.fromkeys(("toxicity", *categories), 0.5))
    named = {"default": frozenset(categories)}
    return Current(Catalog(policy, {"default": policy}, "policies.yaml", named))


async def test_a_version_is_promoted_and_rolled_back_while_texts_are_scored_and_none_is_lost(tmp_path: Path) -> None:
    first, second = (saved(tmp_path, name) for name in NAMES)
    put(tmp_path, State(current=first))
    found = Learned(tmp_path, classifier := Classifier(), told := Told())
    batcher = Batcher(classifier, deadline_seconds=60)
    await batcher.start()

    async def scored() -> set[str]:
        calls = [asyncio.create_task(batcher.score([f"text {at}"])) for at in range(50)]
        put(tmp_path, replace(read_state(tmp_path), current=wanted))
        await looked(found)
        return {name for scores in await asyncio.gather(*calls) for name in scores[0]}

    for wanted, name in ((second, "medical"), (first, "spoilers")):
        seen = await scored()
        assert seen <= {"toxicity", *NAMES}
        assert classifier.gate == wanted and classifier.categories == ("toxicity", name)
    await batcher.aclose()
    assert told.versions == [(first, ""), (second, ""), (first, "")]
    assert told.results == ["loaded", "loaded"]


async def test_a_state_that_cannot_be_had_changes_nothing(tmp_path: Path) -> None:
    first, other = saved(tmp_path, "spoilers"), saved(tmp_path, "medical", checksum="cd")
    put(tmp_path, State(current=first))
    found = Learned(tmp_path, classifier := Classifier(), told := Told())
    for wanted in (State(current=other), State(current="0009-none"), State(current=first, candidate=other)):
        put(tmp_path, wanted)
        await looked(found)
        assert (classifier.gate, classifier.shadow) == (first, None)
    assert told.results == ["failed"] * 3


async def test_where_categories_are_fixed_only_corrections_come_and_go(tmp_path: Path) -> None:
    first, same, other = saved(tmp_path, "spoilers"), saved(tmp_path, "spoilers"), saved(tmp_path, "medical")
    put(tmp_path, State(current=first))
    found = Learned(tmp_path, classifier := Classifier(), told := Told(), fixed=True)
    for wanted, gate in ((other, first), (None, first), (same, same)):
        put(tmp_path, State(current=wanted))
        await looked(found)
        assert classifier.gate == gate
    assert told.results == ["failed", "failed", "loaded"]


async def test_a_category_that_a_policy_names_is_not_taken_away(tmp_path: Path) -> None:
    put(tmp_path, State(current=saved(tmp_path, "spoilers")))
    found = Learned(tmp_path, classifier := Classifier(), told := Told())
    found.catalog = catalog("spoilers")
    found.catalog.value = check_categories(found.catalog.value, classifier.categories)
    put(tmp_path, State())
    await looked(found)
    assert classifier.categories == ("toxicity", "spoilers")
    assert told.results == ["failed"]


async def test_policies_know_the_categories_that_are_in_force(tmp_path: Path) -> None:
    found = Learned(tmp_path, classifier := Classifier(), Told())
    found.catalog = catalog()
    put(tmp_path, State(current=saved(tmp_path, "spoilers")))
    await looked(found)
    assert found.catalog.value.categories == frozenset(classifier.categories) == {"toxicity", "spoilers"}


async def test_a_candidate_runs_in_the_shadow_and_what_it_sees_is_written_now_and_then(tmp_path: Path) -> None:
    name, now = saved(tmp_path, "spoilers"), [0.0]
    put(tmp_path, State(candidate=name, share=0.25))
    found = Learned(tmp_path, classifier := Classifier(), told := Told(), clock=lambda: now[0])
    assert told.versions == [("", name)]
    assert classifier.shadow is not None and classifier.shadow.share == 0.25
    classifier.shadow.counts["neither"] += 3
    found.look()
    assert not list((tmp_path / "shadow").glob("*"))
    now[0] = WRITE_SECONDS
    found.look()
    assert found._writing is not None
    await found._writing
    (path,) = (tmp_path / "shadow" / name).glob("*.json")
    assert '"neither": 3' in path.read_text()


def test_what_cannot_be_written_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("unsay"), "propagate", True)
    caplog.set_level("WARNING", "unsay")
    put(tmp_path, State(candidate=saved(tmp_path, "spoilers"), share=0.1))
    found = Learned(tmp_path, Classifier(), Told())
    (tmp_path / "shadow").write_text("a file is in the way")
    found.write()
    assert "what the shadow has seen cannot be written" in caplog.text
    Learned(tmp_path / "empty", Classifier(), Told()).write()


def test_a_start_with_a_version_that_cannot_be_had_or_a_scorer_that_cannot_be_taught_ends_in_a_line(
    tmp_path: Path,
) -> None:
    with pytest.raises(StartError, match="only beside detoxify:"):
        Learned(tmp_path, ScriptedScorer({}), Told())
    put(tmp_path, State(current="0009-none"))
    with pytest.raises(StartError, match="expected the name of a version; there are: none"):
        Learned(tmp_path, Classifier(), Told())
    assert learned(None, ScriptedScorer({}), Told()) is None


async def test_a_process_that_looks_after_nothing_else_looks_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = asyncio.Event()
    monkeypatch.setattr(found := Learned(tmp_path, Classifier(), Unobserved()), "look", looks.set)
    async with looked_after(found):
        await looks.wait()
    async with looked_after(None):
        pass


def test_nobody_need_be_told() -> None:
    agreement: Agreement = "both"
    Unobserved().compared(agreement)
    Unobserved().reloaded("learned", "loaded")
