import math
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from filters.scorer import Scores
from filters.scorers.scripted import ScriptedScorer
from training.data import CASED
from training.examples import CATEGORIES, all_known, clean, only_toxicity
from training.metrics import share_flagged
from training.thresholds import ANY, Choice, Flagged, choose, lowest_threshold, spans, summary, table, windows

_NOBODY = Choice(ANY, None, Flagged(0.0, 0.0), Flagged(math.nan, math.nan), 0)


class _Both:
    """Two scorers as one: each for its own categories."""

    name = "both"
    categories = CATEGORIES

    def __init__(self, first: ScriptedScorer, second: ScriptedScorer) -> None:
        self._pair = first, second

    def score(self, texts: Sequence[str]) -> list[Scores]:
        first, second = (scorer.score(texts) for scorer in self._pair)
        return [{**one, **other} for one, other in zip(first, second, strict=True)]

    def ready(self) -> bool:
        return True


@pytest.fixture
def tokenizer(bundled_classifier: Path) -> Tokenizer:
    """The bundled classifier's."""
    return Tokenizer.from_file(str(bundled_classifier / "tokenizer.json"))


@given(st.lists(st.floats(0, 1), min_size=1), st.floats(0, 0.5))
def test_no_lower_threshold_keeps_to_the_rate(clean_scores: list[float], rate: float) -> None:
    threshold = lowest_threshold(clean_scores, rate)
    assert threshold == 1.0 or share_flagged(clean_scores, threshold) <= rate
    next_lower = (round(threshold * 100) - 1) / 100
    assert threshold <= 0.01 or share_flagged(clean_scores, next_lower) > rate


def test_spans_are_of_one_length_and_follow_each_other(tokenizer: Tokenizer) -> None:
    assert spans("one two three four five six seven", tokenizer, 3, 9) == ["one two three", "four five six"]
    assert spans("one two three four five six seven", tokenizer, 3, 1) == ["one two three"]
    assert spans("one two", tokenizer, 3, 9) == []


def test_each_category_has_the_threshold_that_its_clean_spans_allow(tokenizer: Tokenizer) -> None:
    calm = [clean("plain word " * 8, CASED)] * 9 + [clean("odd word " * 8, CASED)]
    toxic = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    examples = [*calm, all_known("you idiot", toxic, CASED), only_toxicity("idiot", 1.0, "paradetox")]
    scorer = ScriptedScorer({"odd": 0.42, "idiot": 0.9}, categories=CATEGORIES)
    strict = choose(scorer, tokenizer, examples, rate=0.05)
    lax = choose(scorer, tokenizer, examples, rate=0.1)
    assert {choice.threshold for choice in strict.choices} == {0.43, None}
    assert {choice.threshold for choice in lax.choices} == {0.01, None}
    assert strict.clean_spans == 10
    assert [choice.toxic_texts for choice in strict.choices] == [2, 0, 0, 0, 1, 0, 2]
    assert strict.choices[0].toxic == Flagged(1.0, 1.0)
    assert lax.choices[0].clean == Flagged(0.1, 0.1)  # .42 is above the default of toxicity, below that of insult
    assert lax.choices[4].clean == Flagged(0.1, 0.0)
    assert ElementTree.fromstring(strict.plot).tag.endswith("svg")


def test_windows_of_a_language_model_follow_harmless_openings_and_are_counted(tokenizer: Tokenizer) -> None:
    calm = [clean("plain word " * 8, CASED)] * 10
    scorer = ScriptedScorer({"odd": 0.42}, categories=CATEGORIES)
    rows = [
        {"prompt": "A harmless opening", "text": "odd words " * 12},
        {"prompt": "A harmless opening", "text": "plain words " * 24 + "and a rest that fills no window"},
        {"prompt": "An odd opening", "text": "odd words " * 24},
    ]
    written = windows(rows, tokenizer, scorer)
    assert [text.split()[0] for text in written] == ["odd", "plain", "plain"]
    said = summary(
        choose(_Both(scorer, ScriptedScorer({"odd": 0.9}, categories=CATEGORIES)), tokenizer, calm, 0.3, written)
    )
    assert "Of 3 windows of 24 tokens" in said
    assert "flags 33.33%" in said
    assert "windows" not in summary(choose(scorer, tokenizer, calm, 0.3))


def test_the_last_row_is_what_all_categories_flag_together(tokenizer: Tokenizer) -> None:
    calm = [clean(f"{word} word " * 8, CASED) for word in ("plain", "odd", "strange", "plain")]
    toxic = all_known("you idiot", (1.0, 0.0, 0.0, 0.0, 1.0, 0.0), CASED)
    scorer = ScriptedScorer({"odd": 0.12, "idiot": 0.15}, categories=CATEGORIES[:1])
    other = ScriptedScorer({"strange": 0.6, "idiot": 0.3}, categories=CATEGORIES[1:])
    together = choose(_Both(scorer, other), tokenizer, [*calm, toxic], rate=0.25).choices[-1]
    assert together.category == ANY
    assert together.clean == Flagged(0.5, 0.25)
    assert together.toxic == Flagged(1.0, 0.0)
    assert together.toxic_texts == 1


def test_the_table_shows_what_a_threshold_costs() -> None:
    rows = table([Choice("toxicity", 0.43, Flagged(0.004, 0.001), Flagged(0.8, 0.75), 1_200), _NOBODY]).splitlines()
    assert rows[2] == "| toxicity | 0.43 | 0.25 | 0.40% | 0.10% | 1,200 | 80% | 75% |"
    assert rows[3] == "| any of them | - | - | 0.00% | 0.00% | 0 | - | - |"
