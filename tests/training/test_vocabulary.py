"""Pruning the word table, on a table of a few pieces."""

import gzip
import json
import zipfile
from collections import Counter
from pathlib import Path

import msgspec
import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers

from training.vocabulary import capitalised, choose, frequencies, prune, shares

PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁the", "▁town", "▁", "t", "o", "w", "n", "ж", "▁rare"]
WORDS = "bert.embeddings.word_embeddings.weight"


@pytest.fixture
def tokenizer() -> Tokenizer:
    made = Tokenizer(models.Unigram([(piece, -float(at)) for at, piece in enumerate(PIECES)], unk_id=3))
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    return made


def test_words_come_with_their_share_of_the_text(tmp_path: Path) -> None:
    packed = gzip.compress(msgspec.msgpack.encode([{"format": "cB", "version": 1}, ["the"], [], ["town", "no"]]))
    with zipfile.ZipFile(tmp_path / "words.whl", "w") as package:
        package.writestr("wordfreq/data/small_en.msgpack.gz", packed)
    found = dict(frequencies(tmp_path / "words.whl", "en"))
    assert found == {"the": 1.0, "town": pytest.approx(10**-0.02), "no": pytest.approx(10**-0.02)}
    with pytest.raises(KeyError):
        list(frequencies(tmp_path / "words.whl", "xx"))


def test_words_are_counted_as_they_begin_a_sentence_too() -> None:
    found = list(capitalised([("the", 1.0), ("Ж", 0.5), ("7", 0.1)]))
    assert found == [("the", 1.0), ("The", 0.2), ("Ж", 0.5), ("7", 0.1)]


def test_shares_are_weighted_and_add_up_to_one(tokenizer: Tokenizer) -> None:
    found = shares(tokenizer, [("the town", 3.0), ("the", 1.0)])
    assert found == {PIECES.index("▁the"): pytest.approx(4 / 7), PIECES.index("▁town"): pytest.approx(3 / 7)}


def test_what_is_kept_is_special_single_or_most_needed(tokenizer: Tokenizer) -> None:
    counted = [Counter({4: 0.1, 5: 0.6, 11: 0.001}), Counter({4: 0.3, 12: 0.05})]
    assert choose(tokenizer, counted, 7) == [0, 1, 2, 3, 4, 5, 11]
    assert choose(tokenizer, counted, 6) == [0, 1, 2, 3, 5, 11]


def test_what_is_left_means_what_it_meant(tokenizer: Tokenizer, tmp_path: Path) -> None:
    model, out = tmp_path / "model", tmp_path / "out"
    model.mkdir()
    (model / "config.json").write_text(json.dumps({"vocab_size": len(PIECES), "hidden_size": 4}))
    (model / "tokenizer_config.json").write_text("{}")
    tokenizer.save(str(model / "tokenizer.json"))
    table, other = torch.arange(len(PIECES) * 4.0).view(-1, 4), torch.ones(2)
    save_file({WORDS: table, "classifier.bias": other}, model / "model.safetensors")
    prune(model, [0, 1, 2, 3, 4, 6, 7, 8, 9, 10], out)
    pruned = Tokenizer.from_file(str(out / "tokenizer.json"))
    weights = load_file(out / "model.safetensors")
    assert json.loads((out / "config.json").read_text()) == {"vocab_size": 10, "hidden_size": 4}
    encoded = pruned.encode("the town")
    assert encoded.tokens == ["▁the", "▁", "t", "o", "w", "n"]
    assert weights[WORDS][encoded.ids].equal(table[[4, 6, 7, 8, 9, 10]])
    assert weights["classifier.bias"].equal(other)
