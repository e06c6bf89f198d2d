"""The operator's files (policies, keys, settings) are read here: one document of YAML 1.2, as ruamel.yaml reads it.

1. A key given twice is refused, and only `true` and `false` are booleans: the `off` of `mode: off` is a word.
2. Dates are text.
3. Whatever goes wrong is one line that names the file.
4. No more is read than such a file has use for, whatever the path leads to, and no more values are made of it.
5. Of a private file nothing but the names of its keys is said.
"""

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.constructor import DuplicateKeyError, SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from server.errors import FileError

MOST_BYTES = 1_000_000
MOST_VALUES = 20_000
"""Keys and values, some three seconds of reading: several hundred policies with every key."""
MOST_LEVELS = 20
"""A threshold stands on the fifth."""
_REMEDY = "take something out, or name another file"


class _TooMuch(ValueError):
    """More values or levels than are made."""


class _Composer(Composer):
    """Composer that gives up on a document of too many values or levels."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._values = 0
        self._level = 0

    def compose_node(self, *args: Any) -> Any:
        self._values += 1
        if self._values > MOST_VALUES:
            raise _TooMuch(f"more than {MOST_VALUES} keys and values; {_REMEDY}")
        self._level += 1
        if self._level > MOST_LEVELS:
            raise _TooMuch(f"nested in more than {MOST_LEVELS} levels")
        node = super().compose_node(*args)
        self._level -= 1
        return node


class _Constructor(SafeConstructor):
    """SafeConstructor that leaves dates as they are written."""


_Constructor.add_constructor("tag:yaml.org,2002:timestamp", SafeConstructor.construct_yaml_str)


def read(path: Path, expected: str, *, private: bool = False) -> object:
    """Read the one YAML document of a file as plain values. FileError, which names what is `expected` of an empty one.

    `private`: an error tells no value of it.
    """
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer = _Composer
    yaml.Constructor = _Constructor
    try:
        value: object = yaml.load(_bytes(path))
    except OSError as error:
        raise FileError(str(path), (), f"cannot be read: {error.strerror or error}") from None
    except YAMLError as error:
        raise FileError(str(path), (), _refusal(error, private=private)) from None
    # Numbers too long, tags that do not fit their values, keys that cannot be keys, too many values or levels.
    except (ValueError, TypeError, LookupError) as error:
        told = error if isinstance(error, _TooMuch) or not private else "a value that cannot be what its tag says"
        raise FileError(str(path), (), f"not usable as YAML: {told}") from None
    if value is None:
        raise FileError(str(path), (), f"found an empty file, expected {expected}")
    return value


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        read = file.read(MOST_BYTES + 1)
    if len(read) > MOST_BYTES:
        raise FileError(str(path), (), f"has more than {MOST_BYTES} bytes; {_REMEDY}")
    return read


def _refusal(error: YAMLError, *, private: bool) -> str:
    if not isinstance(error, MarkedYAMLError) or error.problem_mark is None:
        return "not YAML: expected text in UTF-8" if private else f"not YAML: {error}"
    where = f"(line {error.problem_mark.line + 1}, column {error.problem_mark.column + 1})"
    if isinstance(error, DuplicateKeyError):
        found, _, _ = str(error.problem).partition(" with value ")
        return f"{'found a key twice' if private else found}, expected it once {where}"
    return f"not YAML {where}" + ("" if private else f": {error.problem}")
