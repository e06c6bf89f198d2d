"""Every name that is imported from vLLM is there, one test for each; a failure says which one has moved.

Nothing of vLLM's, and nothing of ours that imports it, is imported here before its test: one that moved hides no other.
"""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [*(ROOT / "server").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]


def imported(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Modules, each with a name that is taken from it: none for the module itself."""
    if isinstance(node, ast.ImportFrom):
        yield from ((node.module or "", alias.name) for alias in node.names)
    elif isinstance(node, ast.Import):
        yield from ((alias.name, "") for alias in node.names)


def imports() -> list[tuple[str, str]]:
    """Every import from vLLM in the product."""
    nodes = (node for source in SOURCES for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))))
    found = {taken for node in nodes for taken in imported(node)}
    return sorted((module, name) for module, name in found if module.split(".")[0] == "vllm")


def there(module: str, name: str) -> bool:
    """Whether the module has the name, which may be a module of its own."""
    try:
        return not name or hasattr(importlib.import_module(module), name)
    except ModuleNotFoundError:
        return False


def test_there_are_names_to_check() -> None:
    found = imports()
    assert len(found) > 30 and ("vllm", "") in found and ("vllm.v1.request", "Request") in found


@pytest.mark.parametrize(("module", "name"), imports())
def test_the_name_is_where_it_was(module: str, name: str) -> None:
    assert there(module, name), f"vLLM moved {module}.{name}".rstrip(".")


@pytest.mark.parametrize(("module", "name"), [("vllm.no_such", "Request"), ("vllm.v1.request", "NoSuch")])
def test_a_name_that_moved_is_seen(module: str, name: str) -> None:
    assert not there(module, name)
