r"""Text in another spelling of its characters, which a browser, a client or a reader with a tool turns back.

The rules:
1. HTML's references (`&#105;`, `&#x69;`, `&eacute;`, `&amp;#105;`), percent signs (`%69`, `%2569`) and escapes
   (`\u0069`, `\x69`) stand for their characters if these are letters, digits, signs that stand for letters, spaces or
   invisible. Other ones are punctuation in ordinary markup and code, and stay. A single `%69` needs a letter beside it.
2. Four bytes or more in hexadecimal, with one separator between them or none, and a word of base64 of eight characters
   or more, are replaced if what they stand for is text. So are long lines of base64 below one another. Base64 that
   begins a text may have lost its beginning.
3. Three tag characters or variation selectors in a row are the text that they spell by the first guess, and nothing by
   the second. Flags of regions stay.
4. HTML's tags and comments within a word are nothing; of those that end a line, one space is left.
5. All of it takes time linear in the text, and makes it at most twice as long.

Not read: codes as decimal or binary numbers, quoted-printable, rot13 and other ciphers, compressed text.
"""

import base64
import html
import re
import unicodedata
from collections.abc import Callable, Iterator

from filters.span import TextSpan

LAYERS = 4
"""What was encoded oftener is not read."""

_SIGNS = frozenset("@$!+€ ")  # of punctuation and signs: what stands for a letter, or between words

_MARKUP = re.compile(r"(?<=\w)(?:<(?:/?[A-Za-z][^<>&]{0,80}|!--[^<>]{0,80}--)>)+(?=\w)")
_BREAK = re.compile(r"</?(?:br|p|div|li|td|th|tr|hr|h\d)\b", re.IGNORECASE)
_REFERENCE = re.compile(r"&(?:amp;){0,3}(?P<name>#(?:\d{1,7}|[xX][0-9A-Fa-f]{1,6})|[A-Za-z][A-Za-z0-9]{1,31});")
_PERCENT = re.compile(r"(?:%(?:25){0,3}[0-9A-Fa-f]{2})+")
_AGAIN = re.compile("%(?:25)+(?=[0-9A-Fa-f]{2})")
_ESCAPE = r"\\{1,4}(?:u[0-9A-Fa-f]{4}|u\{[0-9A-Fa-f]{1,6}\}|U[0-9A-Fa-f]{8}|x[0-9A-Fa-f]{2})"
_ESCAPES = re.compile(rf"(?:{_ESCAPE})+")
_CODE = re.compile(r"[uUx]\{?([0-9A-Fa-f]+)")
_HEX = re.compile(r"(?<![0-9A-Za-z])(?:0x)?[2-7][0-9A-Fa-f](?:[ ,:-]?(?:0x)?[2-7][0-9A-Fa-f]){3,}")
_BYTE = re.compile("(?:0x)?([0-9A-Fa-f]{2})")
_SIX_BITS = "A-Za-z0-9+/_-"
_BASE64 = re.compile(
    rf"(?<![={_SIX_BITS}])(?=[A-Za-z]?[a-z]*[A-Z0-9+/])"
    rf"(?:(?:[{_SIX_BITS}]{{60,}}\r?\n)*[{_SIX_BITS}]{{8,}}={{0,2}}|[{_SIX_BITS}]{{7}}=|[{_SIX_BITS}]{{6}}==)"
)
_MAYBE_HEX = re.compile("[2-7][0-9A-Fa-f](?:[ ,:-]?(?:0x)?[2-7][0-9A-Fa-f]){3}")
_MAYBE_BASE64 = re.compile(rf"[A-Z0-9+/](?<=[{_SIX_BITS}].)")  # a quick look: prose has neither
_TAGS = re.compile("(?<![\U0001f3f4\U000e0020-\U000e007f])[\U000e0020-\U000e007e]{3,}")
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{3,}")


def spelled_out(text: str, *, second: bool) -> str:
    """Return the text with its characters as they are meant, by the first or the second guess; the text if all are."""
    for _ in range(LAYERS):
        before, text = text, _one_layer(text)
        if text == before:
            break
    if text.isascii() or second:
        return text
    return _SELECTORS.sub(_selected, _TAGS.sub(_tagged, text))


def encoded_spans(text: str) -> Iterator[TextSpan]:
    """Yield the spans of a text that may be cut only at their ends, or a word within them would be cut.

    They are rows of what `spelled_out` replaces: from one to the next if at most one character stands between.
    """
    begin = end = 0
    if spelled_out(text, second=False) == text:
        return
    found = (match.span() for pattern in _READERS for match in pattern.finditer(text) if match[0] != _read(match))
    for start, stop in sorted(found):
        if start > end + 1:
            if end:
                yield TextSpan(begin, end)
            begin = start
        end = max(end, stop)
    if end:
        yield TextSpan(begin, end)


def _one_layer(text: str) -> str:
    if "<" in text:
        text = _MARKUP.sub(_without_markup, text)
    if "&" in text:
        text = _REFERENCE.sub(_referred, text)
    if "%" in text:
        text = _PERCENT.sub(_unquoted, text)
    if "\\" in text:
        text = _ESCAPES.sub(_unescaped, text)
    if _MAYBE_HEX.search(text):
        text = _HEX.sub(_from_hex, text)
    return _BASE64.sub(_from_base64, text) if _MAYBE_BASE64.search(text) else text


def _read(found: re.Match[str]) -> str:
    return _READERS[found.re](found)


def _stands_for_letters(text: str) -> bool:
    """Return whether it is letters, digits, what stands for them or between them, and what nobody sees."""
    return all(char.isalnum() or char in _SIGNS or unicodedata.category(char) in ("Zs", "Cf", "Mn") for char in text)


def _without_markup(found: re.Match[str]) -> str:
    return " " if _BREAK.search(found[0]) else ""


def _referred(found: re.Match[str]) -> str:
    char = html.unescape(f"&{found['name']};")
    return char if not char.startswith("&") and _stands_for_letters(char) else found[0]


def _unquoted(found: re.Match[str]) -> str:
    read = _utf8(bytes.fromhex(_AGAIN.sub("%", found[0]).replace("%", "")))
    if not read or not _stands_for_letters(read):
        return found[0]
    around = found.string[max(0, found.start() - 1) : found.start()] + found.string[found.end() : found.end() + 1]
    return read if len(read) > 1 or any(map(str.isalpha, around)) else found[0]


def _unescaped(found: re.Match[str]) -> str:
    codes = [int(code, 16) for code in _CODE.findall(found[0])]
    if max(codes) > 0x10FFFF:
        return found[0]
    units = "".join(map(chr, codes)).encode("utf-16-le", "surrogatepass")
    read = units.decode("utf-16-le", "replace")
    return read if _stands_for_letters(read) else found[0]


def _from_hex(found: re.Match[str]) -> str:
    if found.string[found.end() : found.end() + 1].isalnum():
        return found[0]
    return _text(bytes(int(byte, 16) for byte in _BYTE.findall(found[0]))) or found[0]


def _from_base64(found: re.Match[str]) -> str:
    digits = "".join(found[0].split()).rstrip("=").replace("-", "+").replace("_", "/")
    for lost in range(1 if found.start() else 4):
        whole = digits[lost:]
        whole = whole[:-1] if len(whole) % 4 == 1 else whole
        read = _text(base64.b64decode(whole + "=" * (-len(whole) % 4)), begun=lost > 0)
        if read:
            return read
    return found[0]


def _tagged(found: re.Match[str]) -> str:
    return f" {''.join(chr(ord(char) - 0xE0000) for char in found[0])} "


def _selected(found: re.Match[str]) -> str:
    read = _utf8(bytes(ord(char) - (0xFE00 if char < "\uff00" else 0xE0100 - 16) for char in found[0]))
    return f" {read} " if read else found[0]


def _utf8(encoded: bytes) -> str:
    """Return the text that these bytes are in UTF-8, nothing if they are none."""
    try:
        return encoded.decode()
    except UnicodeDecodeError:
        return ""


def _text(encoded: bytes, *, begun: bool = False) -> str:
    """Return these bytes as a text, if they are one that somebody might want to say; nothing otherwise.

    Its last character may be cut off, and its first one if it has `begun` earlier.
    """
    read = encoded.decode(errors="replace").rstrip("\ufffd")
    read = read.lstrip("\ufffd") if begun else read
    letters = sum(map(str.isalpha, read))
    if (
        letters < 4
        or 5 * sum(char.isalnum() or char == " " for char in read) < 4 * len(read)
        or 2 * letters < len(read)
    ):
        return ""
    return read if all(char.isprintable() or char.isspace() for char in read) and "\ufffd" not in read else ""


_READERS: dict[re.Pattern[str], Callable[[re.Match[str]], str]] = {
    _MARKUP: _without_markup,
    _REFERENCE: _referred,
    _PERCENT: _unquoted,
    _ESCAPES: _unescaped,
    _HEX: _from_hex,
    _BASE64: _from_base64,
}
