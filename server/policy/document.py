"""A policy file is read here: YAML with four traps taken out.

1. A key given twice is refused; plain YAML silently keeps the last one.
2. Only `true` and `false` are booleans, as in YAML 1.2; in YAML 1.1 the `off` of `mode: off` would be one.
3. Dates are text. (Libraries in the same process switch them off for everybody: the reading must not depend on that.)
4. Whatever goes wrong is one line that names the file.
"""

from collections.abc import Iterator
from pathlib import Path

import yaml

from server.errors import PolicyFileError
from server.policy.shape import key_text

_BOOL = "tag:yaml.org,2002:bool"
_DATE = "tag:yaml.org,2002:timestamp"


class _Loader(yaml.SafeLoader):
    """SafeLoader that reads yes, no, on, off and dates as the words they are."""

    yaml_implicit_resolvers = {  # noqa: RUF012 (declared so by yaml)
        first: [(tag, rule) for tag, rule in resolvers if tag != _DATE and (tag != _BOOL or first in "tTfF")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def read(path: Path) -> object:
    """Reads the one YAML document of a file as plain values; raises PolicyFileError."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise PolicyFileError(str(path), (), f"cannot be read: {error.strerror or error}") from None
    try:
        value = _parse(content, str(path))
    except yaml.YAMLError as error:
        raise PolicyFileError(str(path), (), f"not YAML{_where(error)}: {_what(error)}") from None
    except (ValueError, RecursionError) as error:  # numbers too long, nesting too deep
        raise PolicyFileError(str(path), (), f"not usable as YAML: {error}") from None
    if value is None:
        raise PolicyFileError(str(path), (), "found an empty file, expected the keys 'default' and 'policies'")
    return value


def _parse(content: bytes, source: str) -> object:
    loader = _Loader(content)
    try:
        root = loader.get_single_node()
        if root is None:
            return None
        for path, node in _repeated_keys(root):
            raise PolicyFileError(source, path, f"given twice, expected once (line {node.start_mark.line + 1})")
        return loader.construct_document(root)
    finally:
        loader.dispose()


def _repeated_keys(root: yaml.Node) -> Iterator[tuple[tuple[str, ...], yaml.Node]]:
    """Yields path and node of every key that its mapping had before; anchors may make the tree a graph."""
    pending: list[tuple[tuple[str, ...], yaml.Node]] = [((), root)]
    visited: set[int] = set()
    while pending:
        path, node = pending.pop()
        if not isinstance(node, yaml.MappingNode) or id(node) in visited:
            continue
        visited.add(id(node))
        names = [str(key.value) for key, _ in node.value]
        for index, (key, value) in enumerate(node.value):
            if names[index] in names[:index]:
                yield (*path, key_text(names[index])), key
            pending.append(((*path, key_text(names[index])), value))


def _where(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        return f" (line {error.problem_mark.line + 1}, column {error.problem_mark.column + 1})"
    return ""


def _what(error: yaml.YAMLError) -> str:
    return str(error.problem) if isinstance(error, yaml.MarkedYAMLError) else str(error)
