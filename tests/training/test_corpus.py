from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from tests.training.texts import write_collection
from training import corpus, tokenizer
from training.corpus import SOURCES


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_collection(tmp_path_factory.mktemp("collection"))


@pytest.fixture(scope="module")
def made() -> Tokenizer:
    return tokenizer.learn(["The ferry to Oslo leaves at noon."] * 3, 280)


def _texts(tokens: corpus.Tokens, made: Tokenizer) -> list[str]:
    return made.decode(tokens.tolist(), skip_special_tokens=False).split(tokenizer.END)[:-1]


def test_shares_make_a_whole() -> None:
    assert sum(source.share for source in SOURCES) == pytest.approx(1)


def test_no_document_is_both_learnt_from_and_held_out(collection: Path, made: Tokenizer) -> None:
    learnt = corpus.load(collection, made)
    held_out = {name: tokens for name, tokens, _ in corpus.held_out(collection, made)}
    assert set(learnt) == set(held_out) == {source.name for source in SOURCES}
    some = set(_texts(held_out["comments"], made))
    assert 0 < len(some) < 0.05 * len(_texts(learnt["comments"], made))
    assert some.isdisjoint(_texts(learnt["comments"], made))


def test_held_out_characters_are_those_of_the_documents(collection: Path, made: Tokenizer) -> None:
    for _, tokens, characters in corpus.held_out(collection, made):
        assert characters == len(made.decode(tokens.tolist(), skip_special_tokens=True))


def test_answers_of_a_dialogue_end_where_a_server_stops(collection: Path, made: Tokenizer) -> None:
    tokens = corpus.load(collection, made)["dialogues"]
    text = made.decode(tokens.tolist(), skip_special_tokens=False)
    assert f"Assistant: Gladly, number 0.{tokenizer.END}\nUser: Thanks." in text
    assert tokenizer.END + tokenizer.END not in text


def test_a_sample_has_about_the_length_asked_for_and_nothing_held_out(collection: Path, made: Tokenizer) -> None:
    taken = list(corpus.sample(collection, 20_000))
    assert 2_000 < sum(map(len, taken)) < 40_000
    held_out = {text for _, tokens, _ in corpus.held_out(collection, made) for text in _texts(tokens, made)}
    assert held_out.isdisjoint(taken)


def test_ids_fit_sixteen_bits(collection: Path, made: Tokenizer) -> None:
    assert {tokens.dtype for tokens in corpus.load(collection, made).values()} == {np.dtype("uint16")}
