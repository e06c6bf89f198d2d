"""Beginnings of sentences: what an alarm would have seen, each with the whole sentence that it stands in."""

import random

import torch

from probing.forecast import EVERY, Beginning, beginnings
from probing.windows import Window, spelled, windows
from probing.writing import Written
from server.policy.policy import Policy

SENTENCES = [
    " The train to the coast was late again this morning.",
    " Nobody minded much since the sun was out at last.",
    " We had tea and looked at the boats below.",
]
WORDS = " ".join(SENTENCES * 3).split(" ")


class Words:
    """A tokenizer with a token for each word."""

    def decode(self, tokens: list[int]) -> str:
        return " ".join(WORDS[token] for token in tokens)


WRITTEN = Written(list(range(len(WORDS))), torch.zeros(len(WORDS), 2))
SPELLS = spelled(WRITTEN.tokens, Words())


def cut() -> list[Window]:
    return list(windows(4, WRITTEN, SPELLS, random.Random(0)))


def begun() -> list[Beginning]:
    return list(beginnings(cut(), SPELLS))


def test_an_alarm_sees_the_context_and_the_fresh_tokens_from_the_first_few_on() -> None:
    for window in cut():
        found = list(beginnings([window], SPELLS))
        assert {each.span.start for each in found} == {window.span.start}
        ends = [each.span.end for each in found]
        assert ends == list(range(window.fresh + Policy().first_stride, window.span.end + 1, EVERY))


def test_a_beginning_is_labelled_by_its_whole_sentence() -> None:
    found = begun()
    assert len(found) > 8 and {each.answer for each in found} == {4}
    for each in found:
        said, sentence = WORDS[each.span.end - 1], each.sentence
        assert sentence.strip() in map(str.strip, SENTENCES)
        assert said.strip() in sentence.split()


def test_its_share_says_how_much_of_the_sentence_is_there() -> None:
    found = begun()
    assert all(0 < each.share <= 1 for each in found)
    whole = [each for each in found if WORDS[each.span.end - 1].endswith(".")]
    assert all(each.share == 1 for each in whole)
    assert all(each.share < 1 for each in found if each not in whole)


def test_an_answer_of_one_sentence_is_its_sentence() -> None:
    window = Window(0, cut()[0].span, 0, ())
    one = next(beginnings([window], spelled(range(9), Words())))
    assert one.sentence == " ".join(WORDS[:9])
