"""Which of the names that are imported from vLLM have moved, and where to."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path


def moved(wanted: Iterable[tuple[str, str]], sources: Path) -> Iterator[str]:
    """Tell of each name that is not where it was; by reading, so that nothing hides behind what cannot be imported."""
    for module, name in wanted:
        if not any(_has(sources, each, name) for each in module.split("|")):
            homes = ", ".join(sorted(_homes(sources, name))) or "nowhere"
            yield f"{module}.{name}: now in {homes}"


def _has(sources: Path, module: str, name: str) -> bool:
    file = _file(sources, module)
    if file is None:
        return False
    return not name or name in _names(file) or _file(sources, f"{module}.{name}") is not None


def _file(sources: Path, module: str) -> Path | None:
    place = sources.joinpath(*module.split("."))
    return next((file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file()), None)


def _names(file: Path) -> set[str]:
    """Return what a module has by its text: what is defined, assigned or imported outside functions and classes."""
    found = set[str]()
    nodes: list[ast.AST] = list(ast.parse(file.read_text(encoding="utf-8")).body)
    while nodes:
        node = nodes.pop()
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
            case ast.Name(id=name, ctx=ast.Store()):
                found.add(name)
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                found |= {alias.asname or alias.name for alias in names}
            case ast.Constant(value=str(name)) if name.isidentifier():
                found.add(name)  # vLLM loads some of its names when they are asked for, from a table of them
            case _:
                nodes += ast.iter_child_nodes(node)
    return found


def _homes(sources: Path, name: str) -> Iterator[str]:
    """The modules that define a name, by their text."""
    for file in sources.glob("vllm/**/*.py"):
        text = file.read_text(encoding="utf-8")
        if f"def {name}(" in text or f"class {name}" in text:
            tree = ast.parse(text)
            kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
            if any(isinstance(node, kinds) and node.name == name for node in tree.body):
                yield ".".join(file.relative_to(sources).with_suffix("").parts).removesuffix(".__init__")
