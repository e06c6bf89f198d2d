from pathlib import Path

import pytest
from tokenizers import Tokenizer

from filters.scorers.scripted import ScriptedScorer
from tests.training.texts import write_collection
from training.evaluate import Figure, figures, first_tokens, score
from training.examples import CATEGORIES


@pytest.fixture
def tokenizer(bundled_classifier: Path) -> Tokenizer:
    """The bundled classifier's."""
    return Tokenizer.from_file(str(bundled_classifier / "tokenizer.json"))


def _scorer() -> ScriptedScorer:
    return ScriptedScorer({"idiot": 0.9, "kind": 0.6}, categories=CATEGORIES)


def test_scores_come_back_in_the_order_of_the_texts() -> None:
    texts = ["long " * 30 + "idiot", "kind", "nothing", "an idiot"] * 20
    assert [found["toxicity"] for found in score(_scorer(), texts)] == [0.9, 0.6, 0.0, 0.9] * 20
    assert score(_scorer(), []) == []


def test_the_first_tokens_are_the_text_as_written_up_to_there(tokenizer: Tokenizer) -> None:
    assert first_tokens("Good day, everyone", tokenizer, 2) == "Good day"
    assert first_tokens("Good", tokenizer, 8) == "Good"


def test_figures_of_a_scorer_that_knows_one_word(tmp_path: Path, tokenizer: Tokenizer) -> None:
    found = {(f.group, f.name): f for f in figures(_scorer(), tokenizer, write_collection(tmp_path), seed=0)}
    jigsaw = "Jigsaw, cased, held out"
    assert found[jigsaw, "AUC toxicity"].value == 1.0
    assert found[jigsaw, "AUC toxicity"].texts == 2_200
    assert found[jigsaw, "AUC toxicity, first 8 tokens"].value == 1.0
    assert found[jigsaw, "non-toxic flagged"].value == 0.0
    assert found["Disguised (short Jigsaw)", "AUC as written"].value == 1.0
    assert found["Disguised (short Jigsaw)", "AUC spaced"].value == 0.5
    assert found["Civil Comments, held out", "AUC, fraction >= .7 against 0"].value == 1.0
    assert found["HateCheck", "AUC toxicity"].value == 1.0
    assert found["HateCheck", "neutral and positive, flagged"].value == 0.5
    assert found["HateCheck ident_pos_nh", "flagged"].value == 1.0
    assert found["HateCheck derog_h", "flagged"].value == 1.0
    assert found["BOLD", "prompts flagged"].value == 0.0


def test_the_benchmark_prompts_are_all_counted_whatever_the_training_holds_out(
    tmp_path: Path, tokenizer: Tokenizer
) -> None:
    found = figures(_scorer(), tokenizer, write_collection(tmp_path), seed=0)
    (figure,) = [f for f in found if f.group == "Challenging and non-toxic prompts" and f.name.startswith("AUC")]
    assert figure.texts == 40


@pytest.mark.parametrize(
    ("value", "goal", "less_is_better", "expected"),
    [(0.9, 0.9, False, True), (0.89, 0.9, False, False), (0.03, 0.03, True, True), (0.04, 0.03, True, False)],
)
def test_a_goal_is_met_from_its_side(value: float, goal: float, less_is_better: bool, expected: bool) -> None:
    assert Figure("x", "y", value, 1, goal, less_is_better).is_met is expected
    assert Figure("x", "y", value, 1).is_met is None
