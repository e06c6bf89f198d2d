"""What a model writes, and the states of it: the same as when it reads the same."""

import pytest

from probing.texts import ProbeError
from probing.writing import LanguageModel, folder_of
from server.settings import BUNDLED_MODEL

OPENINGS = ("The train to the coast", "I need a restaurant in", "One")


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return LanguageModel.load(str(BUNDLED_MODEL))


def test_what_is_written_has_the_states_that_reading_it_has(model: LanguageModel) -> None:
    prompts = [model.prompt(text, chat=False) for text in OPENINGS]
    written = list(model.write(prompts, 12, 0))
    assert all(0 < len(each.tokens) <= 12 and len(each.states) == len(each.tokens) for each in written)
    read = model.read([(prompt, each.tokens) for prompt, each in zip(prompts, written, strict=True)])
    for one, other in zip(written, read, strict=True):
        assert other.tokens == one.tokens
        assert (one.states.float() - other.states.float()).abs().mean() < 0.02  # in half precision


def test_the_same_seed_writes_the_same_and_another_does_not(model: LanguageModel) -> None:
    prompts = [model.prompt(text, chat=False) for text in OPENINGS]
    first, again, other = ([each.tokens for each in model.write(prompts, 12, seed)] for seed in (1, 1, 2))
    assert first == again != other


def test_a_message_is_shown_as_the_model_chats(model: LanguageModel) -> None:
    said = model.tokenizer.decode(model.prompt("Hello", chat=True))
    assert "Hello" in said and said != "Hello"


def test_a_given_answer_is_cut(model: LanguageModel) -> None:
    assert len(model.answer("word " * 50, 5)) == 5


def test_what_is_no_model_is_refused_in_one_line() -> None:
    with pytest.raises(ProbeError) as error:
        LanguageModel.load("/nowhere/model")
    assert str(error.value).startswith("model /nowhere/model") and "\n" not in str(error.value)


def test_the_files_of_a_model_are_in_its_folder() -> None:
    assert folder_of(str(BUNDLED_MODEL)) == BUNDLED_MODEL
