"""The language of a text, as far as it can be told from the text alone: by py3langid (docs/decisions/0026).

1. Languages are ISO 639-1 codes, and `CODES` has them all. Those of few speakers that pass for a big neighbour are left
   out, and dialects count as their language: either takes certainty away from what is asked here.
2. A language is said only when it is sure. Where it is not, all that it may be are told.
3. What is too short to tell is not called unread: `ENOUGH`. Text without letters says nothing in any language.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

CODES = frozenset(
    "af am ar az be bg bn bs ca cs cy da de el en eo es et eu fa fi fr ga gl gu ha he hi hr ht hu hy id ig is it ja jv "
    "ka kk km kn ko ku ky lb lo lt lv mg mk ml mn mr ms mt my ne nl no om or pa pl ps pt ro ru rw si sk sl sn so sq sr "
    "sv sw ta te tg th tk tl tr tt ug uk ur uz vi xh yo zh zu".split()
)
UNKNOWN = "unknown"
"""The language of a text of which none is sure."""

_DIALECTS = {"arz": "ar", "ary": "ar", "nn": "no", "wuu": "zh", "yue": "zh"}
_NO_LANGUAGE = "zxx"  # what the library calls numbers, addresses and the like
SURE, POSSIBLE, HARDLY = 0.8, 0.1, 0.02
"""Probabilities: one that is sure is right in 99 of 100 cuts of 12 characters and more; one of a hundred cuts of 40
English characters has less than the last for English."""
ENOUGH_IF_SURE, ENOUGH, ENOUGH_OF_OTHERS = 12, 40, 5
"""Letters from which a text can be told to be in no language of a list: of a sure one, of any in Latin letters, and of
any in others, where the letters alone say much."""
_LATIN_ENDS = "\u0250"


@dataclass(frozen=True, slots=True)
class Found:
    """What a text may be written in: probabilities by code, which sum up to at most 1, and how many letters say so."""

    likely: Mapping[str, float]
    letters: int
    latin: bool = True
    """Whether most of its letters are Latin ones."""

    @property
    def language(self) -> str:
        """The code of the language if it is sure, else `UNKNOWN`."""
        best = max(self.likely, key=self.likely.__getitem__, default=UNKNOWN)
        return best if best in CODES and self.likely[best] >= SURE else UNKNOWN

    @property
    def candidates(self) -> frozenset[str]:
        """All that it may be: the sure language alone, or every possible one and `UNKNOWN`."""
        if self.language != UNKNOWN:
            return frozenset({self.language})
        return frozenset(code for code, likely in self.likely.items() if likely >= POSSIBLE) | {UNKNOWN}

    def unread(self, read: frozenset[str] | None) -> bool:
        """Return whether it is surely in none of the languages that are read (None: all are)."""
        if read is None or self.letters < self._enough:
            return False
        return sum(self.likely.get(code, 0.0) for code in (*read, _NO_LANGUAGE)) < HARDLY

    @property
    def _enough(self) -> int:
        if not self.latin:
            return ENOUGH_OF_OTHERS
        return ENOUGH if self.language == UNKNOWN else ENOUGH_IF_SURE


Finder = Callable[[str], Found]
"""Tells what a text may be written in. Pure, and called from any thread."""


def find(text: str) -> Found:
    """Tell what a text may be written in: some 100 microseconds for 60 characters, half a second the first time."""
    letters = sum(map(str.isalpha, text))
    if not letters:
        return Found({}, 0)
    likely: dict[str, float] = {}
    for label, probability in _identifier().rank(text):
        code = _DIALECTS.get(label, label)
        likely[code] = likely.get(code, 0.0) + probability
    latin = sum(letter < _LATIN_ENDS for letter in text if letter.isalpha())
    return Found(likely, letters, latin=2 * latin >= letters)


@cache
def _identifier() -> "LanguageIdentifier":
    """Load the library's model, once: half a second, and some 90 MB."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages([*CODES, *_DIALECTS, _NO_LANGUAGE])
    return identifier
