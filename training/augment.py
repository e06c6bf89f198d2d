"""What the guard will see: beginnings and fragments of texts, any case, disguised words, insults amid plain text.

A cut of a toxic text is toxic only if what made it toxic is in the cut. That is judged by weights of words, learnt from
the labels themselves: a cut that misses the heaviest words of its text keeps little of the label, at little weight.
"""

import math
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from training.examples import Example

LONGEST = 66  # words; what is longer is cut, since the training reads 96 tokens
_FRAGMENT = (8, 48)  # words
_DISGUISED = 0.12  # of the texts
_SURROUNDED = 0.15  # of the texts
_INNER = 24  # words of a text that comes amid prose
_LEET = str.maketrans("aeiostl", "43105+1")
_MASKED = "*#@$-"
_ZERO_WIDTH = "\u200b\u200c\u200d\u2060\ufeff"
_WORD = re.compile(r"[^\W\d_][^\W\d_']*")  # of any script


class WordWeights:
    """How much each word speaks for toxicity: log odds with pseudo-counts. Words never seen weigh 0."""

    def __init__(self, examples: Iterable[Example]) -> None:
        toxic: Counter[str] = Counter()
        clean: Counter[str] = Counter()
        for example in examples:
            counts = toxic if example.toxicity >= 0.5 else clean
            counts.update(set(_WORD.findall(example.text.lower())))
        more, less = max(1, toxic.total()), max(1, clean.total())
        self._weights = {
            word: math.log((toxic[word] + 1) / more) - math.log((clean[word] + 1) / less) for word in toxic | clean
        }

    def of(self, word: str) -> float:
        """Return the weight of a word, the heaviest of its parts if punctuation divides it."""
        return max((self._weights.get(part, 0.0) for part in _WORD.findall(word.lower())), default=0.0)

    def heaviest(self, words: Sequence[str]) -> float:
        """Return the weight of the heaviest of the words; 0 if there is none."""
        return max(map(self.of, words), default=0.0)


class Augment:
    """Makes an example into one like those that the guard will meet. The same seed gives the same sequence.

    `prose` are harmless texts; some examples are put between them: plain text around an insult must not hide it.
    """

    def __init__(self, weights: WordWeights, seed: int, prose: Sequence[str] = ()) -> None:
        self._weights = weights
        self._rng = random.Random(seed)
        self._prose = prose

    def __call__(self, example: Example, other: Example) -> Example:
        """Return the example cut, joined with `other`, disguised and re-cased, each only sometimes."""
        roll = self._rng.random()
        if roll < (0.30 if len(example.text) < 250 else 0.60):
            example = self.cut(example, *_FRAGMENT)
        elif roll > 0.90:
            example = joined(*self._shuffled(self.cut(example, 4, 40), self.cut(other, 4, 40)))
        if len(example.text.split()) > LONGEST:
            example = self.cut(example, LONGEST, LONGEST)
        return self._surrounded(self._recased(self._disguised(example)))

    def _surrounded(self, example: Example) -> Example:
        if not self._prose or self._rng.random() >= _SURROUNDED:
            return example
        inner = self.cut(example, _INNER, _INNER)
        room = LONGEST - len(inner.text.split())
        before = self._rng.randint(0, room)
        after = self._rng.randint(0, room - before)
        return replace(inner, text=" ".join([*self._plain(before), inner.text, *self._plain(after)]))

    def _plain(self, count: int) -> list[str]:
        """Return this many words of prose, or all of a text that is shorter."""
        return self._rng.choice(self._prose).split()[:count]

    def cut(self, example: Example, shortest: int, longest: int) -> Example:
        """Return a prefix (half of the time) or a fragment of a few words; the example itself if it is no longer."""
        words = example.text.split()
        length = self._rng.randint(shortest, longest)
        if length >= len(words):
            return example
        start = 0 if self._rng.random() < 0.5 else self._rng.randint(0, len(words) - length)
        kept = words[start : start + length]
        whole = replace(example, text=" ".join(kept))
        if example.toxicity < 0.1:
            return whole
        return _faded(whole, self._weights.heaviest(kept) / max(0.5, self._weights.heaviest(words)))

    def _disguised(self, example: Example) -> Example:
        roll = self._rng.random()
        if roll >= _DISGUISED:
            return example
        disguise = (leet, spaced, stretched, masked, zero_width, swapped)[int(roll / _DISGUISED * 6)]
        words = example.text.split()
        heavy = max(range(len(words)), key=lambda index: self._weights.of(words[index]), default=0)
        some = {heavy, self._rng.randrange(len(words))} if words else set()
        texts = [disguise(word, self._rng) if index in some else word for index, word in enumerate(words)]
        return replace(example, text=" ".join(texts))

    def _recased(self, example: Example) -> Example:
        roll = self._rng.random()
        recase: Callable[[str], str] = str.lower if roll < 0.25 else str.upper if roll < 0.30 else str
        text = recase(example.text)
        if roll > 0.9:
            text = re.sub(r"[.,!?;:\"]", "", text)
        return replace(example, text=text)

    def _shuffled(self, *pair: Example) -> list[Example]:
        return self._rng.sample(pair, 2)


def joined(first: Example, second: Example) -> Example:
    """Return both texts as one. What is known to be toxic in either is toxic in the whole; else both must be known."""
    every = zip(first.targets, first.weights, second.targets, second.weights, strict=True)
    pairs = [_either(*each) for each in every]
    targets, weights = tuple(target for target, _ in pairs), tuple(weight for _, weight in pairs)
    return Example(f"{first.text} {second.text}", targets, weights, f"{first.source}+{second.source}")


def _either(target: float, weight: float, other: float, other_weight: float) -> tuple[float, float]:
    """Return the target and weight of two texts as one."""
    (high, high_weight), (_, low_weight) = sorted(
        [(target * (weight > 0), weight), (other * (other_weight > 0), other_weight)]
    )[::-1]
    return high, high_weight if high >= 0.5 else min(high_weight, low_weight)


def leet(word: str, rng: random.Random) -> str:
    """Return digits and signs for some of the letters."""
    return "".join(char.translate(_LEET) if rng.random() < 0.7 else char for char in word)


def spaced(word: str, rng: random.Random) -> str:
    """Return the letters apart, by spaces, dots or hyphens."""
    return rng.choice(" .-").join(word) if 2 < len(word) < 16 else word


def stretched(word: str, rng: random.Random) -> str:
    """Return one letter repeated a few times."""
    return _at(word, rng, lambda char: char * rng.randint(2, 5))


def masked(word: str, rng: random.Random) -> str:
    """Return one letter hidden behind a sign."""
    return _at(word, rng, lambda char: rng.choice(_MASKED))


def zero_width(word: str, rng: random.Random) -> str:
    """Return a character without width within the word."""
    return _at(word, rng, lambda char: char + rng.choice(_ZERO_WIDTH))


def swapped(word: str, rng: random.Random) -> str:
    """Return two neighbouring letters exchanged."""
    if len(word) < 4:
        return word
    index = rng.randrange(1, len(word) - 2)
    return word[:index] + word[index + 1] + word[index] + word[index + 2 :]


def _at(word: str, rng: random.Random, change: Callable[[str], str]) -> str:
    """Return the word with one inner character changed; words of up to two letters as they are."""
    if len(word) < 3:
        return word
    index = rng.randrange(1, len(word) - 1)
    return word[:index] + change(word[index]) + word[index + 1 :]


def _faded(example: Example, kept: float) -> Example:
    """Return a cut with the share `kept`, 0..1, of what made the whole toxic: from 0.9 on it is as toxic."""
    if kept >= 0.9:
        return example
    share = max(0.0, kept) * 0.6
    targets = tuple(target * share for target in example.targets)
    return replace(example, targets=targets, weights=tuple(weight * 0.3 for weight in example.weights))
