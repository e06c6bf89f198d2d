"""A policy file is read here: one document of YAML 1.2, as ruamel.yaml reads it.

1. A key given twice is refused, and only `true` and `false` are booleans: the `off` of `mode: off` is a word.
2. Dates are text.
3. Whatever goes wrong is one line that names the file.
4. No more is read than a policy file has use for, whatever the path leads to, and no more values are made of it.
"""

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.constructor import DuplicateKeyError, SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from server.errors import PolicyFileError

MOST_BYTES = 1_000_000
MOST_VALUES = 20_000
"""Keys and values, some three seconds of reading: several hundred policies with every key."""
MOST_LEVELS = 20
"""A threshold stands on the fifth."""
_REMEDY = "take policies out, or name another file"


class _Composer(Composer):
    """Composer that gives up on a document of too many values or levels."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._values = 0
        self._level = 0

    def compose_node(self, *args: Any) -> Any:
        self._values += 1
        if self._values > MOST_VALUES:
            raise ValueError(f"more than {MOST_VALUES} keys and values; {_REMEDY}")
        self._level += 1
        if self._level > MOST_LEVELS:
            raise ValueError(f"nested in more than {MOST_LEVELS} levels")
        node = super().compose_node(*args)
        self._level -= 1
        return node


class _Constructor(SafeConstructor):
    """SafeConstructor that leaves dates as they are written."""


_Constructor.add_constructor("tag:yaml.org,2002:timestamp", SafeConstructor.construct_yaml_str)


def read(path: Path) -> object:
    """Read the one YAML document of a file as plain values; raises PolicyFileError."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer = _Composer
    yaml.Constructor = _Constructor
    try:
        value: object = yaml.load(_bytes(path))
    except OSError as error:
        raise PolicyFileError(str(path), (), f"cannot be read: {error.strerror or error}") from None
    except YAMLError as error:
        raise PolicyFileError(str(path), (), _refusal(error)) from None
    # Numbers too long, tags that do not fit their values, keys that cannot be keys, too many values or levels.
    except (ValueError, TypeError, LookupError) as error:
        raise PolicyFileError(str(path), (), f"not usable as YAML: {error}") from None
    if value is None:
        raise PolicyFileError(str(path), (), "found an empty file, expected the keys 'default' and 'policies'")
    return value


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        read = file.read(MOST_BYTES + 1)
    if len(read) > MOST_BYTES:
        raise PolicyFileError(str(path), (), f"has more than {MOST_BYTES} bytes; {_REMEDY}")
    return read


def _refusal(error: YAMLError) -> str:
    if not isinstance(error, MarkedYAMLError) or error.problem_mark is None:
        return f"not YAML: {error}"
    where = f"(line {error.problem_mark.line + 1}, column {error.problem_mark.column + 1})"
    if isinstance(error, DuplicateKeyError):
        found, _, _ = str(error.problem).partition(" with value ")
        return f"{found}, expected it once {where}"
    return f"not YAML {where}: {error.problem}"
