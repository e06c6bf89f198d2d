"""The windows that a guard would have judged, their labels, and the features of each."""

import random
from itertools import pairwise

import numpy as np
import torch

from filters.scorers.scripted import ScriptedScorer
from probing.windows import features, leading, scores, spelled, windows
from probing.writing import Written
from server.policy.policy import Policy

WORDS = "one two three four five six seven eight nine ten eleven twelve".split()


class Words:
    """A tokenizer with a token for each word."""

    def decode(self, tokens: list[int]) -> str:
        return "".join(f" {WORDS[token % len(WORDS)]}" for token in tokens)


def written(count: int) -> Written:
    states = torch.arange(count * 2, dtype=torch.float16).reshape(count, 2)
    return Written(list(range(count)), states)


def found(count: int = 150) -> list:  # type: ignore[type-arg]
    one = written(count)
    return list(windows(7, one, spelled(one.tokens, Words()), random.Random(1)))


def test_windows_are_those_of_the_guard() -> None:
    policy, every = Policy(), found()
    assert all(window.answer == 7 for window in every)
    assert every[0].fresh == 0 and every[0].span.end >= policy.first_stride
    for before, window in pairwise(every):
        assert window.fresh == before.span.end
        assert window.span.start == max(0, window.fresh - policy.context)
        assert policy.stride <= window.span.end - window.fresh <= policy.max_stride + 8


def test_the_last_word_is_not_judged_before_it_is_known_to_be_over() -> None:
    assert all(window.span.end < 150 for window in found())


def test_a_window_is_labelled_by_the_worst_of_its_texts() -> None:
    gate = ScriptedScorer({"eleven": 0.9, "two": 0.3}, categories=("toxicity", "insult"))
    table = scores([window.texts for window in found()], gate, lambda done, whole: None)
    assert table.shape == (len(found()), 3) and np.allclose(table[:, 0], table[:, 1])
    first, second = (1 / (1 + np.exp(-table[:2, 1]))).tolist()
    assert (round(first, 3), round(second, 3)) == (0.3, 0.9)


def test_features_are_the_mean_of_the_states_and_the_last() -> None:
    own = [written(150)] * 8
    window = found()[1]
    states = own[7].states[window.span.start : window.span.end].float().numpy()
    assert np.allclose(features([(7, window.span)], own)[0], [*states.mean(axis=0), *states[-1]])
    before = own[7].states[window.fresh - 1 : window.span.end - 1].float().numpy()
    assert np.allclose(leading([window], own)[0], before.mean(axis=0))
