"""What every scorer promises (filters/scorer.py), tried on each that the registry has a name for.

A scorer of one's own: `pytest tests/contract/test_scorer.py --scorer entry:MODULE:FUNCTION`, or the name that its
package registers. It should find RUDE rude and CLEAN clean, and have the category `toxicity`.
"""

import threading

import pytest

from filters.scorer import Bounding, Scorer, Scores, is_below, is_valid, languages_of

CLEAN = "The train to the coast leaves at nine."
RUDE = "You are an idiot and a fool."
TEXTS = [CLEAN, RUDE, "Hello", "", "A longer text, " * 30, "You idiot!"]
ODD = [
    "",
    " ",
    "\n\t",
    "\x00",
    "\ufffd",
    "\ud83d",
    "\ud83d\ude42",
    "👍🏽" * 40,
    "a" * 5000,
    "你好" * 600,
    "e\u0301" * 50,
]


def close(one: Scores, other: Scores) -> bool:
    return one == pytest.approx(other, abs=1e-4)


def test_it_is_ready_and_has_a_name_and_categories(scorer: Scorer) -> None:
    assert scorer.ready()
    assert scorer.name and scorer.name.isprintable() and "/" not in scorer.name
    assert "toxicity" in scorer.categories
    assert len(set(scorer.categories)) == len(scorer.categories)


def test_it_tells_rude_from_clean(scorer: Scorer) -> None:
    rude, clean = scorer.score([RUDE, CLEAN])
    assert rude["toxicity"] > 0.5 > clean["toxicity"]


def test_no_texts_give_no_scores(scorer: Scorer) -> None:
    assert scorer.score([]) == []


@pytest.mark.parametrize("texts", [TEXTS, ODD, [RUDE], [RUDE] * 40], ids=["some", "odd", "one", "many"])
def test_every_text_gets_a_valid_score_in_every_category(scorer: Scorer, texts: list[str]) -> None:
    scores = scorer.score(texts)
    assert len(scores) == len(texts)
    for one in scores:
        assert tuple(one) == scorer.categories
        assert is_valid(one)


@pytest.mark.parametrize("order", [range(6), (5, 4, 3, 2, 1, 0), (1, 1, 0, 5), (4, 2, 4, 0, 3)])
def test_a_text_scores_the_same_in_any_batch_and_order(scorer: Scorer, order: list[int]) -> None:
    alone = [scorer.score([text])[0] for text in TEXTS]
    together = scorer.score([TEXTS[index] for index in order])
    assert all(close(got, alone[index]) for index, got in zip(order, together, strict=True))


def test_scoring_leaves_the_texts_and_later_scores_alone(scorer: Scorer) -> None:
    texts = list(TEXTS)
    first = scorer.score(texts)
    scorer.score(ODD)
    assert texts == TEXTS
    assert all(map(close, scorer.score(texts), first))


@pytest.mark.parametrize("place", ["head", "middle", "tail"])
def test_nothing_in_a_long_text_is_overlooked(scorer: Scorer, place: str) -> None:
    filler, rude = f"{CLEAN} " * 150, f"{RUDE} " * 40
    text = {"head": rude + filler * 2, "middle": filler + rude + filler, "tail": filler * 2 + rude}[place]
    clean, found = scorer.score([filler * 2, text])
    assert clean["toxicity"] < 0.5 < found["toxicity"]


def test_it_scores_in_a_thread_of_its_own(scorer: Scorer) -> None:
    scores: list[Scores] = []
    thread = threading.Thread(target=lambda: scores.extend(scorer.score([RUDE])))
    thread.start()
    thread.join()
    assert close(scores[0], scorer.score([RUDE])[0])


@pytest.mark.parametrize("threshold", [0.01, 0.2, 0.9, 1.0])
def test_bounds_are_exact_unless_all_of_a_text_is_below(scorer: Scorer, threshold: float) -> None:
    if not isinstance(scorer, Bounding):
        pytest.skip("it has no bounds")
    thresholds = dict.fromkeys(scorer.categories, threshold)
    for exact, bounds in zip(scorer.score(TEXTS), scorer.bounds(TEXTS, [thresholds] * len(TEXTS)), strict=True):
        assert tuple(bounds) == scorer.categories and is_valid(bounds)
        if is_below(bounds, thresholds):
            assert all(bounds[category] >= exact[category] - 1e-4 for category in scorer.categories)
        else:
            assert close(bounds, exact)


def test_the_languages_that_it_reads_are_codes_if_it_says_any(scorer: Scorer) -> None:
    assert all(len(code) == 2 and code.islower() for code in languages_of(scorer) or ())
