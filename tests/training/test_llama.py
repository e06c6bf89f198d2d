import pytest
import torch

from tests.training.language_models import SHAPE
from training import corpus, llama, tokenizer


@pytest.fixture(scope="module")
def tokens() -> dict[str, corpus.Tokens]:
    text = "The ferry to Oslo leaves at noon and comes back at night. " * 200
    made = tokenizer.learn(["The ferry to Oslo leaves at noon."] * 3, 280)
    return {"encyclopedia": corpus._tokens([text], made)}


def test_the_perplexity_of_even_guesses_is_the_size_of_the_vocabulary(tokens: dict[str, corpus.Tokens]) -> None:
    model = llama.build(SHAPE)
    with torch.no_grad():
        for weight in model.parameters():
            weight.zero_()
    assert llama.perplexity(model, tokens["encyclopedia"], "cpu", 1_100) == pytest.approx(SHAPE.vocabulary, rel=1e-3)
