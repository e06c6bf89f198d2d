"""Letters that look like others, or that nobody sees, made plain.

The rules:
1. Invisible characters (zero-width, soft hyphen, bidi marks, variation selectors, tags, controls) go where they
   stand beside letters or signs of Latin, Greek, Cyrillic or Armenian; emoji, Arabic and Indic scripts need theirs.
   What a right-to-left override turns round is turned round.
2. Full-width, mathematical and raised letters, letters in circles and squares, and ligatures are letters if they touch
   one another or a plain letter, or stand three in a row, one apart.
3. A letter loses its combining marks, unless Unicode has a character for both: accents stay.
4. Look-alikes of other scripts become Latin in words of three letters or more that are Latin altogether then, if they
   hold a Latin letter, or if nothing else in the text is of those scripts. A Russian word in Russian stays.
5. All of it takes time linear in the text and makes it at most three times as long.

Sources: Unicode's Default_Ignorable_Code_Point and compatibility decompositions; for rule 4 the entries of
confusables.txt (UTS #39) for Cyrillic, Greek, Armenian, Cherokee and Latin that stand for one letter, and those that
look like a small capital of it.
"""
# ruff: noqa: RUF001 - characters that are easily confused are what this file is about

import re
import unicodedata
from collections.abc import Iterable
from string import ascii_uppercase

_UNSEEN = (
    "\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff"
)
_MARKS = "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20e2\u20e4-\u20ff\ufe20-\ufe2f"
_LETTERS = "A-Za-z\u00aa\u00b5\u00ba-\u02af\u0370-\u0482\u048a-\u058f"  # Latin, Greek, Cyrillic, Armenian
_SIGNS = f"!-~{_LETTERS}{_MARKS}"
_FLAG = "\U0001f1e6-\U0001f1ff"  # regional indicators: two of them are a flag
_SHAPED_RANGES = (  # the last included
    *((0x1D2C, 0x1DBF), (0x2071, 0x209C), (0x2102, 0x2138), (0x2145, 0x2149), (0x249C, 0x24E9), (0xFB00, 0xFB06)),
    *((0xFF01, 0xFF5E), (0x1D400, 0x1D7FF), (0x1F110, 0x1F149)),
)
_LOOK_ALIKES = {
    "ЅІЈАВЕКМНОРСТУХѴҮӀԌԜЬ": "SIJABEKMHOPCTYXVYIGWb",
    "ѕіјаеорсухѵүһҽӏԁԛԝгѡвкмнт": "sijaeopcyxvyheldqwrwbkmht",
    "ͿΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹϺϜ": "JABEZHIKMNOPTYXCMF",
    "αγικνορσυχϲϳτεη": "ayikvopouxcjten",
    "ՍՏՕաոռսցգքօհզ": "USOwnnugqfohq",
    "ᎠᎡᎢᎥᎩᎪᎫᎬᎳᎷᎻᎽᏀᏂᏃᏏᏒᏔᏕᏙᏚᏞᏟᏢᏦᏧᏳᏴ": "DRTiYAJEWMHYGhZbRWSVSLCPKdGB",
    "ɑɡɣɩɪɯʋʏᴄᴏᴑᴜᴠᴡᴢꜱƽʀɴʟʜɢʙᴀᴅᴇꜰᴊᴋᴍᴘᴛ": "agyiiwuycoouvwzssrnlhgbadefjkmpt",
}  # fmt: skip


def _shaped() -> dict[int, str]:
    """Return every character of rule 2, signs and digits of its kinds included, with what it stands for."""
    found = {0x1F150 + at: letter for at, letter in enumerate(ascii_uppercase)}
    found |= {0x1F170 + at: letter for at, letter in enumerate(ascii_uppercase)}
    for first, last in _SHAPED_RANGES:
        for code in range(first, last + 1):
            plain = unicodedata.normalize("NFKC", chr(code)).strip("()")
            if plain.isascii() and (len(plain) == 1 or 0xFB00 <= code <= 0xFB06):
                found[code] = plain
    return found


def _ranges(codes: Iterable[int]) -> str:
    """Return the inside of a character class for these, neighbours as ranges: a class of single ones is slow."""
    found: list[list[int]] = []
    for code in sorted(codes):
        if found and found[-1][1] == code - 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in found)


_PLAIN = _shaped()
_SAME = str.maketrans({odd: plain for pair in _LOOK_ALIKES.items() for odd, plain in zip(*pair, strict=True)})
_SHAPED = _ranges(code for code, plain in _PLAIN.items() if plain.isalpha())
_ALIKE = _ranges(_SAME)

_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f]")
_IS_ODD = re.compile(f"[{_UNSEEN}{_MARKS}{_SHAPED}{_ALIKE}{_FLAG}]")
_TURNED = re.compile("\u202e([^\u202a-\u202e\n]*)\u202c?")
_LONE_FLAG = re.compile(f"(?<![{_FLAG}])[{_FLAG}](?![{_FLAG}])")
_ARE_SHAPED = re.compile(
    f"[{_SHAPED}][{_SHAPED}A-Za-z]|[A-Za-z][{_SHAPED}]|[{_SHAPED}](?:.[{_SHAPED}]){{2}}", re.DOTALL
)
_HIDDEN = re.compile(f"(?<=[{_SIGNS}])[{_UNSEEN}]+(?=[{_SIGNS} ])|(?<= )[{_UNSEEN}]+(?=[{_SIGNS}])")
_MARKED = re.compile(f"([{_LETTERS}])([{_MARKS}]+)")
_WORD = re.compile(r"\w{3,}")
_HAS_ALIKE = re.compile(f"[{_ALIKE}]")
_OTHER_SCRIPTS = re.compile(f"(?![{_ALIKE}])[\u0370-\u03ff\u0400-\u052f\u0531-\u0587\u13a0-\u13f4]")
_HAS_LATIN = re.compile("[A-Za-z]")
_IS_PLAIN = re.compile("[A-Za-z0-9_\u00c0-\u024f]+")


def plain_characters(text: str) -> str:
    """Return the text with every character as a reader takes it; the text itself if there is nothing to do."""
    if not (_CONTROL.search(text) if text.isascii() else _IS_ODD.search("".join(set(text)))):
        return text
    text = _TURNED.sub(lambda turned: turned[1][::-1], text)
    text = _LONE_FLAG.sub(lambda flag: ascii_uppercase[ord(flag[0]) - 0x1F1E6], text)
    if _ARE_SHAPED.search(text):
        text = text.translate(_PLAIN)
    text = _MARKED.sub(_unmarked, _HIDDEN.sub("", text))
    return _without_look_alikes(text) if _HAS_ALIKE.search(text) else text


def _unmarked(marked: re.Match[str]) -> str:
    composed = len(marked[2]) <= 2 and len(unicodedata.normalize("NFC", marked[0])) == 1
    return marked[0] if composed else marked[1]


def _without_look_alikes(text: str) -> str:
    is_all_alike = not _OTHER_SCRIPTS.search(text)

    def latin(found: re.Match[str]) -> str:
        word = found[0]
        if word.isascii():
            return word
        plain = word.translate(_SAME)
        return plain if _IS_PLAIN.fullmatch(plain) and (is_all_alike or _HAS_LATIN.search(word)) else word

    return _WORD.sub(latin, text)
