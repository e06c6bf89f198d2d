"""Every name that is imported from vLLM is there, one test for each; a failure says which one has moved.

A name that is imported from elsewhere where it is not in the first place (`except ModuleNotFoundError`) has to be in
one of them. Nothing of vLLM's, and nothing of ours that imports it, is imported here before its test: one that moved
hides no other.
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
    """Every import from vLLM in the product; the modules of one that may be in several are joined by "|"."""
    found = {taken for source in SOURCES for taken in _taken(ast.parse(source.read_text(encoding="utf-8")))}
    return sorted((module, name) for module, name in found if module.split(".")[0] == "vllm")


def _taken(tree: ast.AST) -> Iterator[tuple[str, str]]:
    tries = [node for node in ast.walk(tree) if isinstance(node, ast.Try) and _elsewhere(node)]
    either = {id(inner) for each in tries for inner in ast.walk(each)}
    for node in ast.walk(tree):
        if id(node) not in either:
            yield from imported(node)
    for each in tries:
        homes: dict[str, list[str]] = {}
        for inner in ast.walk(each):
            for module, name in imported(inner):
                homes.setdefault(name, []).append(module)
        yield from (("|".join(modules), name) for name, modules in homes.items())


def _elsewhere(node: ast.Try) -> bool:
    return any("ModuleNotFoundError" in ast.dump(caught) for caught in node.handlers)


def there(module: str, name: str) -> bool:
    """Whether one of the modules has the name, which may be a module of its own."""
    return any(_has(each, name) for each in module.split("|"))


def _has(module: str, name: str) -> bool:
    try:
        return not name or hasattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        if not f"{module}.".startswith(f"{error.name}."):
            raise  # something that vLLM itself needs is not installed
        return False


def test_there_are_names_to_check() -> None:
    found = imports()
    assert len(found) > 30 and ("vllm", "") in found and ("vllm.v1.request", "Request") in found
    homes = "vllm.entrypoints.common.startup|vllm.entrypoints.serve.utils.api_utils"
    assert (homes, "cli_env_setup") in found


@pytest.mark.parametrize(("module", "name"), imports())
def test_the_name_is_where_it_was(module: str, name: str) -> None:
    assert there(module, name), f"vLLM moved {module}.{name}".rstrip(".")


@pytest.mark.parametrize(
    ("module", "name"),
    [("vllm.no_such", "Request"), ("vllm.v1.request", "NoSuch"), ("vllm.no_such|vllm.v1.request", "NoSuch")],
)
def test_a_name_that_moved_is_seen(module: str, name: str) -> None:
    assert not there(module, name)


def test_one_that_may_be_in_two_places_has_to_be_in_one() -> None:
    assert there("vllm.no_such|vllm.v1.request", "Request") and there("vllm.v1.request|vllm.no_such", "Request")
