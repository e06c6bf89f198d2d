"""Texts that can be shown: of each rude word only its first letter, so that one sees what happened."""

import re
from collections.abc import Iterable
from pathlib import Path

from filters.scorer import Scorer, Scores
from filters.thresholds import Thresholds
from training.evaluate import score

_WORD = re.compile(r"[^\W_][\w'*@$-]*")
_ENDINGS = r"(?:s|es|ed|er|ers|ing|y)?"


def read_list(path: Path) -> list[str]:
    """Return the words and phrases of a list, one a line. OSError if it is missing."""
    return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


class Masking:
    """Masks words that are on a list, and words that a scorer flags by themselves."""

    def __init__(self, scorer: Scorer, thresholds: Thresholds, listed: Iterable[str]) -> None:
        self._scorer = scorer
        self._thresholds = thresholds
        phrases = sorted(map(re.escape, listed), key=len, reverse=True)
        # Without a list nothing matches: an empty alternative would match everywhere.
        self._listed = re.compile(rf"(?<!\w)(?:{'|'.join(phrases) or '(?!)'}){_ENDINGS}(?!\w)", re.IGNORECASE)

    def flags(self, text: str) -> bool:
        """Return whether the scorer flags the text as a whole."""
        return bool(text.strip()) and bool(self._thresholds.exceeded(self._scores([text])[0]))

    def shown(self, text: str) -> str:
        """Return the text with its rude words masked; a flagged text has at least one of them masked, its highest."""
        masked = self._listed.sub(lambda phrase: _WORD.sub(_first_letter, phrase[0]), text)
        words = list(_WORD.finditer(masked))
        found = self._scores([word[0] for word in words])
        rude = {at for at, scores in enumerate(found) if self._thresholds.exceeded(scores)}
        if not rude and masked == text and self.flags(text):
            rude = {max(range(len(found)), key=lambda at: max(found[at].values()), default=-1)}
        for at in sorted(rude - {-1}, reverse=True):
            word = words[at]
            masked = masked[: word.start()] + _first_letter(word) + masked[word.end() :]
        return masked

    def _scores(self, texts: list[str]) -> list[Scores]:
        return score(self._scorer, texts)


def _first_letter(word: re.Match[str]) -> str:
    return word[0][0] + "*" * (len(word[0]) - 1)
