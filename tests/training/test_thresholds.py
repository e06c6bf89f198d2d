from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from filters.scorers.scripted import ScriptedScorer
from training.data import CASED
from training.examples import CATEGORIES, all_known, clean, only_toxicity
from training.metrics import share_flagged
from training.thresholds import choose, lowest_threshold, spans, table


@pytest.fixture
def tokenizer(bundled_classifier: Path) -> Tokenizer:
    """The bundled classifier's."""
    return Tokenizer.from_file(str(bundled_classifier / "tokenizer.json"))


@given(st.lists(st.floats(0, 1), min_size=1), st.floats(0, 0.5))
def test_no_lower_threshold_keeps_to_the_rate(clean_scores: list[float], rate: float) -> None:
    threshold = lowest_threshold(clean_scores, rate)
    assert threshold == 1.0 or share_flagged(clean_scores, threshold) <= rate
    assert threshold <= 0.01 or share_flagged(clean_scores, threshold - 0.01) > rate


def test_spans_are_of_one_length_and_follow_each_other(tokenizer: Tokenizer) -> None:
    assert spans("one two three four five six seven", tokenizer, 3, 9) == ["one two three", "four five six"]
    assert spans("one two three four five six seven", tokenizer, 3, 1) == ["one two three"]
    assert spans("one two", tokenizer, 3, 9) == []


def test_each_category_has_the_threshold_that_its_clean_spans_allow(tokenizer: Tokenizer) -> None:
    calm = [clean("plain word " * 8, CASED)] * 9 + [clean("odd word " * 8, CASED)]
    toxic = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    examples = [*calm, all_known("you idiot", toxic, CASED), only_toxicity("idiot", 1.0, "paradetox")]
    scorer = ScriptedScorer({"odd": 0.42, "idiot": 0.9}, categories=CATEGORIES)
    strict, plot = choose(scorer, tokenizer, examples, rate=0.05)
    lax, _ = choose(scorer, tokenizer, examples, rate=0.1)
    assert {choice.threshold for choice in strict} == {0.43}
    assert {choice.threshold for choice in lax} == {0.01}
    assert [choice.toxic_texts for choice in strict] == [2, 0, 0, 0, 1, 0]
    assert strict[0].toxic_found == strict[0].found_at_default == 1.0
    assert lax[0].clean_flagged == 0.1
    assert "| toxicity | 0.43 | 0.00% | 2 | 100% | 100% |" in table(strict)
    assert "| threat | 0.43 | 0.00% | 0 | - | - |" in table(strict)
    assert ElementTree.fromstring(plot).tag.endswith("svg")
