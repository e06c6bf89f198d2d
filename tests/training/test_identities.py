import random
import re

import pytest

from training import identities, phrases

_NEUTRAL = identities.neutral(random.Random(0), 3_000)
_HOSTILE = identities.hostile(random.Random(0), 500)


def test_no_gap_is_left_open_and_articles_fit_what_follows() -> None:
    texts = [example.text for example in _NEUTRAL + _HOSTILE]
    assert not any("{" in text or "}" in text or "  " in text for text in texts)
    assert not any(re.search(r"\b[Aa] [aeioAEIO]", text) for text in texts)
    assert any(" an Asian" in text for text in texts)


def test_neutral_sentences_are_clean_in_every_category_and_count_in_full() -> None:
    assert {example.targets for example in _NEUTRAL} == {(0.0,) * 6}
    assert {example.weights for example in _NEUTRAL} == {(1.0,) * 6}


def test_hostile_sentences_are_attacks_and_a_quarter_are_threats() -> None:
    assert all(example.toxicity >= 0.9 and example.targets[-1] >= 0.8 for example in _HOSTILE)
    assert 80 < sum(example.targets[3] > 0.5 for example in _HOSTILE) < 170


def test_attacks_on_persons_and_trades_are_no_attacks_on_a_group() -> None:
    examples = identities.personal(random.Random(0), 500)
    assert all(example.targets[-1] <= 0.05 for example in examples)
    assert {example.toxicity >= 0.5 for example in examples} == {True, False}


def test_what_is_said_of_groups_is_also_denied_or_reported_and_said_of_things() -> None:
    neutral = [example.text.lower() for example in identities.neutral(random.Random(0), 30_000)]
    for clause in phrases.UNKIND:
        start, _, end = clause.lower().partition("{s}")
        told = [text for text in neutral if start in text and end in text[text.index(start) :]]
        assert any(thing.lower() in text for text in told for thing in phrases.THINGS), clause
        assert any(group.lower() in text for text in told for group in phrases.GROUPS), clause


def test_the_same_seed_gives_the_same_sentences() -> None:
    assert identities.neutral(random.Random(5), 50) == identities.neutral(random.Random(5), 50)
    assert identities.neutral(random.Random(5), 50) != identities.neutral(random.Random(6), 50)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Two Muslims met.", True),
        ("The GAY choir sang.", True),
        ("The gayest of days", False),
        ("A town in Peru.", False),
    ],
)
def test_names_of_groups_are_found_as_whole_words(text: str, expected: bool) -> None:
    assert identities.names_a_group(text) is expected


def test_templates_are_many_and_none_is_there_twice() -> None:
    every = list(identities.templates())
    assert len(every) == len(set(every)) > 60
