from pathlib import Path

import pytest
from tokenizers import Tokenizer
from transformers import AutoTokenizer

from training import tokenizer

_TEXTS = ["The harbour of the town was closed in 1907, and the ships went on to the next one.\n"] * 5


@pytest.fixture(scope="module")
def made() -> Tokenizer:
    return tokenizer.learn(_TEXTS, 300)


@pytest.mark.parametrize("text", ["Grüße, 你好 🙂", "a  b\n\n c\t", "'tis O'Neill's\u200b", "\x00\x7f", " ", "x" * 500])
def test_every_text_can_be_written_and_read_back(made: Tokenizer, text: str) -> None:
    assert made.decode(made.encode(text).ids, skip_special_tokens=False) == text


def test_the_vocabulary_has_the_size_asked_for_and_ends_documents_with_its_first_token(made: Tokenizer) -> None:
    assert made.get_vocab_size() == 300
    assert made.token_to_id(tokenizer.END) == tokenizer.END_ID
    assert made.encode("a" + tokenizer.END).ids[-1] == tokenizer.END_ID


def test_words_are_joined_from_letters_and_digits_stay_single(made: Tokenizer) -> None:
    assert " harbour" in made.decode([made.encode("the harbour").ids[-1]])
    assert len(made.encode("1907").ids) == 4


def test_a_dialogue_ends_each_answer_and_leaves_the_next_one_open(made: Tokenizer, tmp_path: Path) -> None:
    tokenizer.save(made, tmp_path, context=64)
    read = AutoTokenizer.from_pretrained(tmp_path)
    turns = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello?"},
        {"role": "assistant", "content": "Good day."},
        {"role": "user", "content": "Bye."},
    ]
    text = read.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    assert text == "Be brief.\nUser: Hello?\nAssistant: Good day.<|endoftext|>\nUser: Bye.\nAssistant:"
    assert read.model_max_length == 64
    assert read.eos_token_id == tokenizer.END_ID
