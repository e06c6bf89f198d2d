import json
from dataclasses import replace
from pathlib import Path

import pytest

from filters.judge import Judge
from filters.passage import Passage
from filters.scorers import versions
from filters.scorers.state import read_state
from filters.standard import Standard
from filters.thresholds import Thresholds
from filters.verdict import Cleared, Flagged
from learning import promotion
from learning.errors import LearnError
from learning.reader import Reader
from learning.work import Place, latest, learn_category, learn_feedback
from tests.filters.test_batcher import batching
from tests.learning.conftest import Write
from tests.learning.reports import MISSED, PLAIN_ONES, REPORTS

DATA = Path(__file__).resolve().parents[2] / "examples" / "categories" / "spoilers.jsonl"


def test_what_has_passed_is_a_version_in_the_shadow_and_the_next_is_built_on_it(
    reader: Reader, place: Place, write: Write
) -> None:
    first = learn_category(reader, place, "spoilers", DATA)
    assert first.passed
    state = read_state(place.folder)
    assert (state.current, state.candidate, state.share) == (None, first.name, 0.1)
    second = learn_feedback(reader, replace(place, share=0.5), write(REPORTS))
    assert latest(reader, place.folder).categories == ("spoilers",)
    about = versions.about(place.folder, second.name)
    assert (about["parent"], about["corrects"], about["categories"]) == (first.name, ["toxicity"], ["spoilers"])
    assert read_state(place.folder).share == 0.5
    card = (versions.place(place.folder, second.name) / versions.CARD).read_text()
    assert second.name in card and "snorbel" not in card + json.dumps(about)


def test_what_fails_a_test_is_kept_but_not_promoted(reader: Reader, place: Place, write: Write) -> None:
    benign = write([{"text": text, "label": 0} for text in MISSED[40:]])
    made = learn_feedback(reader, replace(place, gates=[benign]), write(REPORTS))
    assert not made.passed
    assert any(outcome.line().startswith(f"FAILED  {benign.name}") for outcome in made.outcomes)
    assert read_state(place.folder).candidate is None
    with pytest.raises(LearnError, match=f"{made.name} has failed {benign.name}: it cannot be promoted"):
        promotion.promote(place.folder, made.name)


def test_reviewers_labels_that_were_held_out_are_a_test(reader: Reader, place: Place, write: Write) -> None:
    labels = [
        {"verdict": "good", "text": text, "reviewed": True, "label": {"toxic": False}} for text in PLAIN_ONES[:40]
    ]
    made = learn_feedback(reader, place, write([*REPORTS, *labels]))
    assert "reviewers' labels" in [outcome.name for outcome in made.outcomes]


async def test_a_learned_category_is_judged_like_any_and_its_onset_found(reader: Reader, place: Place) -> None:
    made = learn_category(reader, place, "spoilers", DATA)
    lead = "The bakery on the corner opens at eight on weekdays. "
    text = lead + "In the last scene the hero dies and his best friend turns out to be the murderer."
    reader.scorer.teach(made.heads)
    try:
        async with batching(reader.scorer) as batcher:
            judge = Judge(batcher)
            verdict = await judge.judge(Passage(text, 0), Standard(Thresholds({"spoilers": 0.5})))
            unnamed = await judge.judge(Passage(text, 0), Standard(Thresholds({"toxicity": 0.5})))
            assert judge.gate.endswith(f"+{made.name}")
    finally:
        reader.scorer.teach(None)
    assert isinstance(verdict, Flagged) and verdict.category == "spoilers"
    assert verdict.span.start >= len(lead)
    assert isinstance(unnamed, Cleared) and "spoilers" in unnamed.scores


@pytest.mark.parametrize("name", ["toxicity", "sexual_explicit"])
def test_a_name_of_a_classifiers_is_taken(name: str, reader: Reader, place: Place) -> None:
    with pytest.raises(LearnError, match=f"--category: found {name}, which is a classifier's"):
        learn_category(reader, place, name, DATA)


def test_feedback_that_nobody_bears_out_teaches_nothing_and_says_so(reader: Reader, place: Place, write: Write) -> None:
    with pytest.raises(LearnError, match=r"nothing was learned: hostile: \d+ that nobody else bears out; toxicity"):
        learn_feedback(reader, place, write([{**row, "key": "hostile"} for row in REPORTS[:10]]))
    with pytest.raises(LearnError, match="no report says that anything is judged wrongly"):
        learn_feedback(reader, place, write([{**row, "verdict": "good"} for row in REPORTS[:10]]))
    assert versions.names(place.folder) == []
