"""Words spelt so that a filter misses them and a reader does not.

The rules:
1. Three single letters or more with the same thing between them (one to three spaces, a hyphen or an underscore; four
   letters with another sign) are one word. Digits and signs count as letters if most of them are letters.
2. Digits and signs among letters stand for the letters that they resemble, unless the word is of an ordinary kind:
   letters and then a number, a number and then a unit, a formula, a price, an address.
3. A letter written three times or more in a word of other letters is meant once or twice.
4. Where two readings are as likely there are two guesses. The first: a spaced-out word has all its letters, 1 is i, a
   repeated letter is single. The second: its first and its last letter are words by themselves if they can be (a, I),
   1 is l, and a repeated letter is double.
5. All of it takes time linear in the text, and no text grows.

What cannot be restored without knowing the words: masked letters (`w*rd`), missing ones, exchanged ones, words written
as one, and the gaps of a sentence whose letters are all apart alike.
"""

import re
from collections.abc import Iterator
from itertools import chain

from filters.span import TextSpan

_MOST_LEET = 24  # characters: what is longer is no word but a key or a digest
_FIRST = str.maketrans("013456789@$!+€", "oieasgtbgasite")
_SECOND = str.maketrans("013456789@$!+€", "oleasgtbgasite")

_LETTER = "[A-Za-z\u00c0-\u024f@$]"
_SOLO = "[A-Za-z\u00c0-\u024f@$013457!]"  # a letter that stands alone, or what stands for one
_SPACED = re.compile(
    rf"(?<![^\W_])(?<![@$'\u2019]){_LETTER}"
    rf"(?:(?P<gap>\s{{1,3}}|[-_])(?:{_SOLO}(?P=gap))+|(?P<sign>[.*~+\u00b7\u2022])(?:{_SOLO}(?P=sign)){{2,}})"
    rf"{_LETTER}(?![^\W_]|[@$]|['\u2019]\w)"
)
_ADDRESS = r"(?:https?://|www\.|\b0x)\S+"  # comes first, and stays
_LEET = re.compile(
    rf"{_ADDRESS}|(?<![^\W_])(?<![@$#&])(?=[A-Za-z]*[0-9@$!+€])([A-Za-z0-9@$!+€]*[A-Za-z0-9$])(?![^\W_]|[@$])"
)
_ORDINARY = re.compile(
    r"[A-Za-z]+\d+s?"  # mp3, covid19
    r"|\d{2,}[A-Za-z]+|\d(?:[A-Za-z]{1,2}|[KMGTkmgt]?[Hh]z|[KMGkmg]?[Ww]h|[KMG]?b(?:its?|ps)|mph|kmh|rpm|mins?|secs?|way)"
    r"|(?:[A-Z]\d+)+[A-Z]?"  # H1N1
    r"|(?:(?:[HBCNOFPSKVYIWU]|[A-Z][a-z])(?:[2-9]\d*|1\d+)?)+"  # formulas: a 1 alone is never written
    r"|.*[!+@][A-Z].*[a-z].*|.*\d{3}.*|@(?![Ss5$]{2}).*"  # a sentence after another, a number, a name
    r"|\$+(?:[A-Z].*|.*\$)|[A-Z]*\$\d+[A-Za-z]*"  # a variable, TeX, a price
)
_REPEATED = re.compile(rf"{_ADDRESS}|([A-Za-z])\1\1+")

_APART = re.compile(r"[\W_][\w@$]\W{1,3}[\w@$!]\W{1,3}[\w@$](?!\w)|_[^\W_]_")
_THRICE = re.compile(r"([A-Za-z])\1\1")
_AMONG = re.compile(
    r"[0-9@$!+€](?:(?<=[A-Za-z].)[0-9@$!+€]*[A-Za-z$]|(?<!\w.)(?:[A-Za-z]{3}|(?<=[@$])[A-Za-z$]))", re.DOTALL
)

_DRESSED = r"\w\u249c-\u24e9\U0001f110-\U0001f189\U0001f1e6-\U0001f1ff"  # letters in any dress
_ROW = re.compile(rf"(?<![{_DRESSED}])[{_DRESSED}@$€](?:[^{_DRESSED}]{{1,9}}[{_DRESSED}@$€](?![{_DRESSED}])){{2,}}")
_DIVIDED = re.compile(rf"(?<![{_DRESSED}])[{_DRESSED}]+(?:[!+€]+[{_DRESSED}]+)+")


def _is_suspect(text: str) -> bool:
    """Return whether there may be something to do: a quick look, since mostly there is not."""
    return bool(_THRICE.search(text) or _AMONG.search(text) or _APART.search(f" {text}"))


def respelled(text: str, *, second: bool) -> str:
    """Return the text with its words as meant, by the first or the second guess; the text itself if none is odd."""
    if not _is_suspect(text):
        return text
    text = _SPACED.sub(lambda found: _joined(found, second), text)
    text = _LEET.sub(lambda found: _unleet(found, second), text)
    return _REPEATED.sub(lambda found: _fewer(found, second), text)


def disguised_spans(text: str) -> Iterator[TextSpan]:
    """Yield the spans of a text that may be cut only at their ends, or a disguised word would be cut.

    They are rows of single letters, and words with signs among their letters: rather too many than too few.
    """
    for found in chain(_ROW.finditer(text), _DIVIDED.finditer(text)):
        yield TextSpan(*found.span())


def _joined(found: re.Match[str], second: bool) -> str:
    gap = found["gap"] or found["sign"]
    word = found[0][:: 1 + len(gap)]
    letters = sum(map(str.isalpha, word))
    if set(word) <= set("aAI") or 2 * letters <= len(word) or (letters < 3 and any(map(str.isdigit, word))):
        return found[0]
    if not second or not gap.isspace() or len(word) < 4:
        return word
    start, end = word[0] in "aAI", len(word) - (word[-1] in "aAI")
    return gap.join(part for part in (word[:start], word[start:end], word[end:]) if part)


def _unleet(found: re.Match[str], second: bool) -> str:
    word = found[0]
    if not found[1] or len(word) > _MOST_LEET or _ORDINARY.fullmatch(word) or _is_code(found):
        return word
    plain = word.translate(_SECOND) if second else word.replace("11", "ll").translate(_FIRST)
    digits = sum(map(str.isdigit, word))
    has_letters = any(map(str.isalpha, word)) and len(word) - digits >= (4 if "+" in word else 2)
    return plain if plain.isalpha() and len(word) >= max(3, 2 * digits) and has_letters else word


def _is_code(found: re.Match[str]) -> bool:
    """Return whether it is the beginning of an e-mail address or a variable, by what comes after it."""
    after = found.string[found.end() : found.end() + 2]
    return ("@" in found[0] and after[:1] == "." and after[1:].isalpha()) or (
        found[0][0] == "$" and after.lstrip(" ")[:1] in tuple("=[;>-+{")
    )


def _fewer(found: re.Match[str], second: bool) -> str:
    around = found.string[max(0, found.start() - 1) : found.end() + 1]
    is_short = len(around) <= 5 and around.isupper()  # IEEE, VIII
    others = around.replace(found[1] or "", "")
    if not found[1] or is_short or not any(map(str.isalpha, others)):
        return found[0]
    return found[1] * (2 if second else 1)
