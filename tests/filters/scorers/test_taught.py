import numpy as np
import pytest
import torch

from filters.scorers.heads import Output, nothing, with_category
from filters.scorers.passes import MARGIN_ERRORS, Passes
from filters.scorers.shadow import Shadow
from filters.scorers.taught import Said, Taught

OWN = ("toxicity", "insult")
SAID = Said(Output(torch.tensor([[1.0, 0.0], [2.0, -1.0], [0.0, 0.0]]), torch.eye(3)), [2, 1])
HEADS = with_category(nothing(3, "0001-ab"), "spoilers", np.array([0.0, 3.0, -3.0]), 0.0, 2)


def passes(error: float) -> Passes:
    """A rough pass that is so far off in the embeddings, and at most half as far in its log odds."""
    assert SAID.output is not None
    rough = SAID.output._replace(embeddings=SAID.output.embeddings + error)
    return Passes(lambda pieces: SAID.output, None, 0.5, (SAID.output, rough))  # type: ignore[arg-type, return-value]


def test_the_highest_piece_is_a_texts_score_in_learned_categories_too() -> None:
    first, second = Taught(OWN, None, HEADS).scores(SAID)
    odds = {"toxicity": 2.0, "insult": 0.0, "spoilers": 3.0}
    assert first == pytest.approx({name: float(torch.sigmoid(torch.tensor(each))) for name, each in odds.items()})
    assert second["spoilers"] < 0.1
    assert Taught(OWN, None).scores(Said(None, [])) == Taught(OWN, passes(0.1)).bounds(Said(None, [])) == []


def test_a_learned_category_has_a_margin_of_its_own_and_with_too_wide_a_one_nothing_is_rough() -> None:
    heads = with_category(nothing(3), "spoilers", np.array([1.0, 0.0, 0.0]), 0.0, 2)
    taught = Taught(OWN, passes(0.1), heads)
    assert taught.margins is not None
    assert taught.margins.tolist() == pytest.approx([0.5, 0.5, MARGIN_ERRORS * 0.1])
    bounds, scores = taught.bounds(SAID)[0], taught.scores(SAID)[0]
    assert all(bounds[name] > scores[name] for name in scores)
    assert Taught(OWN, passes(1.0), heads).margins is None


def test_a_text_has_to_be_read_for_heads_and_for_the_share_of_a_shadow() -> None:
    assert not Taught(OWN, None).must_read("a")
    assert Taught(OWN, None, HEADS).must_read("a")
    assert Taught(OWN, None, None, Shadow(HEADS, 1.0)).must_read("a")
    assert not Taught(OWN, None, None, Shadow(HEADS, 0.0)).must_read("a")


def test_a_shadow_is_told_what_it_would_have_said_from_the_same_passes() -> None:
    shadow = Shadow(HEADS, 1.0)
    taught = Taught(OWN, None, None, shadow)
    held = {"spoilers": 0.5}
    taught.compare(["a", "b"], [held, held], taught.scores(SAID), [SAID])
    assert shadow.counts == {"candidate": 1, "neither": 1}
    exact = Said(Output(torch.zeros(1, 2), -torch.eye(3)[1:2]), [1])
    taught.compare(["a", "b"], [held, held], taught.scores(SAID), [SAID, exact], [0])
    assert shadow.counts == {"candidate": 1, "neither": 3}


def test_each_text_is_to_be_had_by_itself() -> None:
    assert [len(said.output.logits) for said in SAID.each() if said.output is not None] == [2, 1]
    assert list(Said(None, []).each()) == []
