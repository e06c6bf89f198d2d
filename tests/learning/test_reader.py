import pytest

from filters.scorers.heads import Heads, with_category
from learning.reader import Reader


def test_what_is_read_is_what_the_classifier_scores(reader: Reader, alone: Heads) -> None:
    texts = ["You idiot.", "A fine day."]
    assert reader.scores(texts, alone) == [pytest.approx(each, abs=1e-5) for each in reader.scorer.score(texts)]
    seen = reader.seen(texts, alone)
    assert seen.embeddings.shape == (2, reader.width)
    assert set(seen.odds) == set(reader.scorer.own)


def test_heads_have_categories_beside_the_classifiers(reader: Reader, alone: Heads) -> None:
    heads = with_category(alone, "spoilers", 0 * reader.seen(["a"], alone).embeddings[0], 0.0, reader.base)
    assert reader.categories(heads)[reader.base :] == ("spoilers",)
    (scores,) = reader.scores(["A fine day."], heads)
    assert scores["spoilers"] == pytest.approx(0.5)


def test_a_text_is_as_bad_as_its_worst_sentence(reader: Reader, alone: Heads) -> None:
    plain = "The train to the coast leaves at nine and arrives before noon. " * 4
    whole, insult = reader.scores([plain + "You are a stupid idiot.", "You are a stupid idiot."], alone)
    assert whole["toxicity"] >= insult["toxicity"] - 0.05


def test_a_long_text_is_seen_as_the_mean_of_its_pieces(reader: Reader, alone: Heads) -> None:
    assert reader.seen(["word " * 1500], alone).embeddings.shape == (1, reader.width)
