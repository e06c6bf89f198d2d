"""Scorers by name. The contract (tests/contract/test_scorer.py) tries what they do."""

from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import pytest

from filters.scorer import ScorerLoadError, Scores
from filters.scorers import registry
from filters.scorers.cascade import Cascade
from filters.scorers.registry import GROUP, Setup, installed, load
from filters.scorers.scripted import ScriptedScorer
from tests.contract.rigs import SCRIPTED

HERE = "tests.filters.scorers.test_registry"
SCREEN = Path(registry.__file__).parents[2] / "models" / "screen"
SETUPS: list[Setup] = []


def remembering(setup: Setup) -> ScriptedScorer:
    SETUPS.append(setup)
    return ScriptedScorer({})


def refusing(setup: Setup) -> ScriptedScorer:
    raise ScorerLoadError("words.txt", "expected a word a line")


def failing(setup: Setup) -> ScriptedScorer:
    raise OSError("no licence")


def nothing(setup: Setup) -> None:
    return None


class Wrong(ScriptedScorer):
    """Scores as it was made."""

    def __init__(self, scores: Scores) -> None:
        super().__init__({}, categories=("toxicity", "insult"))
        self.scores = scores

    def score(self, texts: Sequence[str]) -> list[Scores]:
        return [self.scores for _ in texts]


def unspoken(setup: Setup) -> ScriptedScorer:
    scorer = ScriptedScorer({})
    scorer.languages = ["en"]  # type: ignore[assignment]
    return scorer


def lacking(setup: Setup) -> ScriptedScorer:
    return Wrong({"toxicity": 0.1})


def exceeding(setup: Setup) -> ScriptedScorer:
    return Wrong({"toxicity": 0.1, "insult": 1.5})


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Has packages register functions of this module: pairs of a name and a function's name."""

    def points(*pairs: tuple[str, str]) -> None:
        found = EntryPoints(EntryPoint(name, f"{HERE}:{function}", GROUP) for name, function in pairs)
        monkeypatch.setattr(registry, "entry_points", lambda group: found.select(group=group))

    return points


def test_a_function_is_given_the_setup() -> None:
    setup = Setup(device="cuda", threads=3, deadline_seconds=2.0)
    assert load(f"entry:{HERE}:remembering", setup).name == "scripted"
    assert SETUPS[-1] == setup
    load(f"entry:{HERE}:remembering")
    assert SETUPS[-1] == Setup()


def test_a_registered_name_is_a_scorer(register: Callable[..., None]) -> None:
    register(("words", "remembering"), ("words", "remembering"), ("other", "failing"))
    assert sorted(installed()) == ["other", "words"]
    assert load("words").name == "scripted"


def test_a_name_that_two_packages_register_is_refused(register: Callable[..., None]) -> None:
    register(("words", "remembering"), ("words", "failing"))
    with pytest.raises(ScorerLoadError, match=f"scorer words: expected one package .*{HERE}:failing; uninstall"):
        load("words")


@pytest.mark.parametrize("spec", ["word", "lexicon:x", "detoxify:", "remote", "entry:"])
def test_kinds_names_and_remedy_are_told_where_there_is_no_such_scorer(
    register: Callable[..., None], spec: str
) -> None:
    register(("words", "remembering"), ("alike", "failing"))
    with pytest.raises(ScorerLoadError) as caught:
        load(spec)
    assert str(caught.value) == (
        f"scorer {spec}: expected detoxify:NAME|PATH, remote:URL, entry:MODULE:FUNCTION"
        " or the name of one that a package registers (installed: alike, words)"
    )


def test_without_packages_none_is_installed(register: Callable[..., None]) -> None:
    register()
    with pytest.raises(ScorerLoadError, match=r"\(installed: none\)"):
        load("words")


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("refusing", "scorer words.txt: expected a word a line"),
        ("failing", f"scorer entry:{HERE}:failing: expected a function that makes a scorer .OSError: no licence."),
        ("nothing", f"scorer entry:{HERE}:nothing: expected a function that makes a scorer"),
        ("lacking", "expected a scorer with a score in 0..1 for each of its categories"),
        ("exceeding", "expected a scorer with a score in 0..1 for each of its categories"),
        ("unspoken", "expected its languages to be a frozenset of ISO 639-1 codes, or None for all"),
        ("nobody", "has no attribute 'nobody'; expected MODULE:FUNCTION"),
    ],
)
def test_a_function_that_makes_no_scorer_is_told(function: str, message: str) -> None:
    with pytest.raises(ScorerLoadError, match=message):
        load(f"entry:{HERE}:{function}")


@pytest.mark.parametrize("spec", [SCRIPTED, "remote:http://127.0.0.1:9"])
def test_a_screen_is_for_a_classifier(spec: str) -> None:
    with pytest.raises(ScorerLoadError, match=f"scorer {spec}: screen .*leave --screen out"):
        load(spec, Setup(screen=SCREEN))


def test_a_screen_stands_before_the_classifier_that_it_was_made_from(
    bundled_classifier: Path, tiny_folder: Callable[..., Path]
) -> None:
    found = load(f"detoxify:{bundled_classifier}", Setup(screen=SCREEN))
    assert isinstance(found, Cascade) and found.name == "detoxify:classifier"
    with pytest.raises(ScorerLoadError, match=r"was made from another classifier than .*--screen none"):
        load(f"detoxify:{tiny_folder()}", Setup(screen=SCREEN))


@pytest.mark.parametrize("options", [{"device": "cuda"}, {"threads": 4}])
def test_what_runs_elsewhere_takes_no_device(options: dict[str, Any]) -> None:
    with pytest.raises(ScorerLoadError, match="remote:http://127\\.0\\.0\\.1:9: it computes elsewhere"):
        load("remote:http://127.0.0.1:9", Setup(**options))
