import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.augment import LONGEST, Augment, WordWeights, joined, leet, masked, spaced, stretched, swapped, zero_width
from training.examples import Example, all_known, clean, only_toxicity

_TOXIC = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
_LEARNT = [
    *(all_known(f"you idiot number {number}", _TOXIC, "x") for number in range(20)),
    *(clean(f"you friend number {number}", "x") for number in range(20)),
]
_WEIGHTS = WordWeights(_LEARNT)
_words = st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Z", "C"]), min_size=1), max_size=150)


def test_words_of_toxic_texts_weigh_more_than_those_of_both_kinds() -> None:
    assert _WEIGHTS.of("Idiot!") > 1 > abs(_WEIGHTS.of("number"))
    assert _WEIGHTS.of("friend") < 0
    assert _WEIGHTS.of("never-seen") == 0
    assert _WEIGHTS.heaviest(["friend", "idiot"]) == _WEIGHTS.of("idiot")


@given(_words, st.integers(0, 1000))
def test_a_cut_is_a_run_of_words_of_the_text(words: list[str], seed: int) -> None:
    example = clean(" ".join(words), "x")
    cut = Augment(_WEIGHTS, seed).cut(example, 3, 12)
    assert cut.text in example.text
    assert len(cut.text.split()) <= max(12, 0) or cut == example
    assert cut.targets == example.targets


def test_some_texts_come_amid_prose_whole_and_with_their_label() -> None:
    prose = ["The weather was mild and the harvest was good in all the villages of the north this year."]
    augment = Augment(_WEIGHTS, 0, prose)
    made = [augment(all_known("you idiot", _TOXIC, "x"), clean("a friend", "x")) for _ in range(600)]
    amid = [example for example in made if "harvest" in example.text.lower() or "weather" in example.text.lower()]
    assert 45 < len(amid) < 150
    assert all(example.targets[0] == 1.0 and len(example.text.split()) <= LONGEST for example in amid)
    assert {example.text.lower().startswith("the") for example in amid} == {True, False}, (
        "before it, behind it, or both"
    )


def test_half_of_the_cuts_are_beginnings() -> None:
    augment = Augment(_WEIGHTS, 0)
    text = " ".join(map(str, range(100, 200)))
    cuts = [augment.cut(clean(text, "x"), 8, 48) for _ in range(400)]
    assert 180 < sum(text.startswith(cut.text) for cut in cuts) < 240
    assert {len(cut.text.split()) for cut in cuts} == set(range(8, 49))


def test_a_cut_with_the_toxic_word_stays_toxic_and_one_without_it_hardly_is() -> None:
    example = all_known("idiot " + "number " * 40, _TOXIC, "x")
    cuts = [Augment(_WEIGHTS, seed).cut(example, 5, 5) for seed in range(60)]
    keeping = [cut for cut in cuts if "idiot" in cut.text]
    losing = [cut for cut in cuts if "idiot" not in cut.text]
    assert len(keeping) > 10
    assert len(losing) > 10
    assert all(cut.targets == example.targets and cut.weights == example.weights for cut in keeping)
    assert all(cut.toxicity < 0.3 and cut.weights[0] < 0.5 for cut in losing)


@given(_words, st.booleans(), st.integers(0, 1000))
def test_any_text_can_be_augmented_and_none_gets_too_long(words: list[str], toxic: bool, seed: int) -> None:
    example = all_known(" ".join(words), _TOXIC if toxic else (0.0,) * 6, "x")
    made = Augment(_WEIGHTS, seed)(example, clean("a plain sentence of seven words here", "y"))
    assert len(made.text.split()) <= LONGEST * 16  # spaced-out letters are words too, of at most two words
    assert all(0 <= target <= 1 for target in made.targets)
    assert toxic or not any(made.targets)


def test_the_same_seed_gives_the_same_texts() -> None:
    one, two = Augment(_WEIGHTS, 7), Augment(_WEIGHTS, 7)
    pairs = list(zip(_LEARNT, reversed(_LEARNT), strict=True))
    assert [one(*pair) for pair in pairs] == [two(*pair) for pair in pairs]
    assert [one(*pair) for pair in pairs] != [Augment(_WEIGHTS, 8)(*pair) for pair in pairs]


def test_two_texts_as_one_are_as_toxic_as_either() -> None:
    both = joined(clean("Good morning.", "x"), all_known("You idiot.", _TOXIC, "y"))
    assert both.text == "Good morning. You idiot."
    assert both.targets == _TOXIC
    assert both.weights == (1.0,) * 6


@pytest.mark.parametrize("first_is_known", [True, False])
def test_what_is_unknown_of_one_text_is_known_of_both_only_if_the_other_is_toxic(first_is_known: bool) -> None:
    known, masked_one = all_known("a", _TOXIC, "x"), only_toxicity("b", 1.0, "y")
    both = joined(known, masked_one) if first_is_known else joined(masked_one, known)
    assert both.targets == _TOXIC
    assert both.weights == (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def test_disguises_change_words_in_the_way_they_say() -> None:
    rng = random.Random(3)
    assert set(spaced("idiot", rng)) - set("idiot") <= set(" .-")
    assert len(spaced("idiot", rng)) == 9
    assert len(stretched("idiot", rng)) > 5
    assert len(masked("idiot", rng)) == 5
    assert not masked("idiot", rng).isalpha()
    assert len(zero_width("idiot", rng)) == 6
    assert sorted(swapped("idiot", rng)) == sorted("idiot")
    assert any(char.isdigit() for char in leet("idiotidiot", rng))


@pytest.mark.parametrize("disguise", [spaced, stretched, masked, zero_width, swapped])
@given(word=st.text(max_size=2), seed=st.integers(0, 99))
def test_short_words_are_not_disguised(disguise: Callable[[str, random.Random], str], word: str, seed: int) -> None:
    assert disguise(word, random.Random(seed)) == word


def test_an_example_keeps_its_source() -> None:
    made = [Augment(_WEIGHTS, seed)(_LEARNT[0], _LEARNT[1]) for seed in range(50)]
    assert {example.source for example in made} == {"x", "x+x"}
    assert all(isinstance(example, Example) for example in made)
