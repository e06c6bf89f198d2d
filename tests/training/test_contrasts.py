import random
import re
from collections import Counter

import pytest

from training import contrasts
from training.contrasts import LABELS, LANGUAGES, TARGETS, Language
from training.examples import CATEGORIES, Example

GAP = re.compile(r"\{(\w+)\}")


def drawn(name: str, count: int = 400) -> list[Example]:
    return contrasts.contrasts(random.Random(0), count, [name])


def texts_of(language: Language) -> list[str]:
    return [text for own in language.templates.values() for text in own]


@pytest.mark.parametrize("name", LANGUAGES)
def test_every_head_is_a_label_and_a_kind_and_no_template_is_there_twice(name: str) -> None:
    language = LANGUAGES[name]
    heads = {tuple(head.split()) for head in language.templates}
    assert heads <= {(label, kind) for label, kinds in TARGETS.items() for kind in kinds}
    assert max(Counter(texts_of(language)).values()) == 1


@pytest.mark.parametrize("name", LANGUAGES)
def test_every_language_has_enough_of_both_labels(name: str) -> None:
    least = 40 if name == "en" else 18
    assert all(len(LANGUAGES[name].labelled(label)) >= least for label in LABELS)


@pytest.mark.parametrize("name", LANGUAGES)
def test_every_gap_has_fillers_and_every_filler_a_gap(name: str) -> None:
    language = LANGUAGES[name]
    assert {gap for text in texts_of(language) for gap in GAP.findall(text)} == set(language.fillers)
    assert all(len(set(own)) == len(own) >= 4 and all(own) for own in language.fillers.values())
    assert all(frame.count("{said}") == 1 for frame in language.frames) and len(language.frames) >= 6


@pytest.mark.parametrize("name", LANGUAGES)
def test_every_case_of_a_word_is_there(name: str) -> None:
    fillers = LANGUAGES[name].fillers
    assert all(len(own) == len(fillers[gap.partition("_")[0]]) for gap, own in fillers.items())


@pytest.mark.parametrize("name", LANGUAGES)
def test_sentences_have_no_gap_left_and_no_space_too_many(name: str) -> None:
    examples = drawn(name)
    assert {example.source for example in examples} == {f"contrasts/{name}"}
    assert not any(re.search(r"[{}|\[\]]|  |^ | $", example.text) for example in examples)
    assert len({example.text for example in examples}) > 300


def test_labels_and_languages_take_turns() -> None:
    examples = contrasts.contrasts(random.Random(0), 40 * len(LANGUAGES))
    counts = Counter((example.source, example.toxicity > 0.5) for example in examples)
    assert set(counts.values()) == {20} and len(counts) == 2 * len(LANGUAGES)


def test_equal_seeds_give_equal_sentences() -> None:
    one, other = (contrasts.contrasts(random.Random(seed), 100) for seed in (1, 2))
    assert contrasts.contrasts(random.Random(1), 100) == one != other


def test_what_a_kind_says_nothing_about_is_masked() -> None:
    hateful = [example for example in drawn("en") if example.toxicity]
    threats = [example for example in hateful if example.targets[CATEGORIES.index("threat")]]
    assert all(example.weights == (0.8, 0, 0, 0.8, 0, 0.8) for example in threats)
    assert {example.targets[-1] for example in threats} == {0.0, 0.85}, "of one person, and of a group"
    assert all(example.weights[CATEGORIES.index("severe_toxicity")] == 0 for example in hateful)


def test_an_oath_and_a_hard_word_for_oneself_count_for_less() -> None:
    weights = Counter(example.weights for example in drawn("en", 2_000) if not example.toxicity)
    assert set(weights) == {(0.8,) * 6, (0.3,) * 6, (0.4, 0.4, 0, 0.4, 0.4, 0.4)}
    assert weights[(0.8,) * 6] > 600


@pytest.mark.parametrize("name", LANGUAGES)
def test_what_is_said_of_groups_with_hate_is_said_without_it_too(name: str) -> None:
    """The predicates are the same on both sides, so that they alone do not decide."""
    hateful, harmless = (
        {gap for _, text in LANGUAGES[name].labelled(label) for gap in GAP.findall(text)} for label in LABELS
    )
    assert {"group", "vermin"} <= hateful & harmless
