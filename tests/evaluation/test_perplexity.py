import math
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from evaluation.errors import EvaluationError
from evaluation.perplexity import LanguageModel

FOLDER = Path(__file__).resolve().parents[2] / "models" / "language_model"
PAIRS = [("The river", " runs to the sea."), ("In the spring of that year, the town", " was"), ("A", "")]


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return LanguageModel(str(FOLDER), "cpu")


def _by_hand(prompt: str, text: str) -> tuple[float, int]:
    """One token after the other, by the chain rule."""
    tokenizer = AutoTokenizer.from_pretrained(FOLDER)
    network = AutoModelForCausalLM.from_pretrained(FOLDER, dtype=torch.float32).eval()
    before, fresh = tokenizer(prompt).input_ids, tokenizer(text, add_special_tokens=False).input_ids
    total = 0.0
    for index, token in enumerate(fresh):
        with torch.inference_mode():
            logits = network(input_ids=torch.tensor([before + fresh[:index]])).logits[0, -1]
        total -= math.log(torch.softmax(logits, -1)[token])
    return total, len(fresh)


def test_losses_are_those_of_the_continuation_alone(model: LanguageModel) -> None:
    for pair, (loss, count) in zip(PAIRS, model.losses(PAIRS), strict=True):
        expected, tokens = _by_hand(*pair)
        assert count == tokens
        assert loss == pytest.approx(expected, abs=1e-2)


def test_the_batch_makes_no_difference(model: LanguageModel) -> None:
    alone = [model.losses([pair])[0] for pair in PAIRS]
    for (loss, count), (expected, tokens) in zip(model.losses(PAIRS), alone, strict=True):
        assert count == tokens
        assert loss == pytest.approx(expected, abs=1e-2)


def test_more_than_the_model_reads_loses_its_head(model: LanguageModel) -> None:
    (_, short), (loss, long) = model.losses([("The river", " runs"), ("The river " * 2000, " runs")])
    assert short == long
    assert math.isfinite(loss)
    ((loss, count),) = model.losses([("The river", " runs to the sea" * 1000)])
    assert math.isfinite(loss)
    assert count == 1023


def test_its_name_tells_its_weights(model: LanguageModel) -> None:
    name, _, digest = model.name.partition("@")
    assert (name, len(digest)) == ("language_model", 12)


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        EvaluationError, match=f"--perplexity {tmp_path}: expected a folder or name of a causal language"
    ):
        LanguageModel(str(tmp_path), "cpu")
