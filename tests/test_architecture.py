"""The rules that keep the code as it is meant to be: imports, sizes, names, and a test file for every source file."""

import ast
import re
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from statistics import median, quantiles

import pytest

ROOT = Path(__file__).resolve().parents[1]
ORDER = tuple("reporting filters server probing evaluation benchmarks learning training commands".split())
"""Packages: each may import those that stand before it."""
FOLDERS = (*ORDER, "dashboards", "examples")
SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
UNWANTED = frozenset("manager helper utils handler processor violation backtrack buffer accept".split())

TESTED_ELSEWHERE = {
    "server/generation/observer.py": "a port without code: tests/telemetry/test_metrics.py has the one in service",
    "server/generation/tracing.py": "ports, and what does nothing: tests/telemetry/test_tracing.py",
    "server/telemetry/lines.py": "tests/telemetry/test_pairs.py, tests/audit/test_file.py",
    "server/generation/answered.py": "a port and a record: tests/engine/test_recording.py, tests/audit",
    "server/generation/services.py": "fields without code",
    "server/engine/upstream/faults.py": "a port and a record: all of tests/engine/upstream",
    "server/guard/commands.py": "records without code: tests/guard/test_advance.py",
    "server/guard/events.py": "records without code: tests/guard/test_advance.py",
    "server/options.py": "options without code: tests/test_settings.py, tests/test_configuration.py",
    "server/scorer_options.py": "options without code: tests/test_configuration.py",
    "server/errors.py": "tests/policy/test_errors.py",
    "server/feedback/audit.py": "a port, and one line of log: tests/feedback/test_command.py",
    "server/feedback/fluency.py": "a table of means: tests/feedback/test_exports.py",
    "server/feedback/migrations/env.py": "Alembic runs it: tests/feedback/test_schema.py",
    "server/feedback/migrations/versions/v0001_first_tables.py": "tests/feedback/test_schema.py",
    "server/feedback/options.py": "options without code: tests/test_configuration.py",
    "server/feedback/subject.py": "what exports and reviews are about: tests/feedback/test_exports.py, test_review.py",
    "server/feedback/tables.py": "columns without code: tests/feedback/test_schema.py",
}


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _imports(path: Path) -> Iterator[str]:
    """Every module that a file names, wherever in it."""
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{_name(path)}: relative import"
            yield node.module or ""


def _importing(packages: set[str]) -> list[str]:
    """Source files that import one of the packages."""
    return [_name(path) for path in SOURCES if any(module.split(".")[0] in packages for module in _imports(path))]


def _within(*folders: str) -> Callable[[str], bool]:
    return lambda name: name.startswith(tuple(f"{folder}/" for folder in folders))


# Imports (design.md, section 6).


def test_filters_know_nothing_of_the_server() -> None:
    assert not [name for name in _importing({"server"}) if _within("filters")(name)]


def test_the_server_knows_nothing_of_its_tools() -> None:
    tools = {"evaluation", "benchmarks", "probing", "learning", "training"}
    assert not [name for name in _importing(tools) if _within("server", "filters")(name)]


def test_the_command_line_is_above_all_that_it_starts() -> None:
    assert _importing({"commands"}) == []


def test_reporting_imports_nothing_of_those_who_share_it() -> None:
    others = set(FOLDERS) - {"reporting"}
    assert not [name for name in _importing(others) if _within("reporting")(name)]


def test_what_is_in_the_wheel_imports_nothing_that_is_not() -> None:
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    inside = {pattern.removesuffix("*") for pattern in wheel["find"]["include"]} & set(FOLDERS)
    assert inside == set(FOLDERS) - {"training", "dashboards", "examples"}
    outside = (set(FOLDERS) - inside) | {"tests"}
    assert not [name for name in _importing(outside) if _within(*inside)(name)]


def test_packages_do_not_import_each_other_in_a_circle() -> None:
    below: list[str] = []
    for folder in ORDER:
        later = set(FOLDERS) - {folder, *below}
        assert not [name for name in _importing(later) if _within(folder)(name)], folder
        below.append(folder)


def test_of_the_benchmark_only_the_server_process_puts_a_server_together() -> None:
    """The client must not share its process: what else it takes of the server is where the bundled models are."""
    studies = {f"benchmarks/{name}.py" for name in ("ablation", "compared", "ladder", "onset", "rewinds")}
    allowed = studies | {"benchmarks/serving.py", "benchmarks/phases.py"}
    assert {name for name in _importing({"server"}) if _within("benchmarks")(name)} <= allowed


def test_the_guard_imports_the_standard_library_itself_and_the_policy() -> None:
    allowed = {"collections.abc", "dataclasses", "typing", "server.policy.policy"}
    for path in (ROOT / "server" / "guard").glob("*.py"):
        others = {module for module in _imports(path) if not module.startswith("server.guard.")}
        assert others <= allowed, f"{_name(path)}: {others - allowed}"


def _heavy(name: str) -> bool:
    return _within("server/engine", "filters/scorers", "probing", "training")(name) or name in (
        "evaluation/perplexity.py",
        "benchmarks/grown.py",
    )


@pytest.mark.parametrize(
    ("packages", "allowed"),
    [
        ({"vllm"}, lambda name: _within("server/engine")(name) or name == "benchmarks/rewinds.py"),
        ({"torch", "transformers", "detoxify"}, _heavy),
        ({"ray"}, lambda name: name == "server/replicas.py"),
        ({"sqlalchemy", "alembic"}, _within("server/feedback")),
    ],
)
def test_heavy_packages_stay_in_their_folder(packages: set[str], allowed: Callable[[str], bool]) -> None:
    importing = _importing(packages)
    assert importing, "the rule has lost its object"
    assert [name for name in importing if not allowed(name)] == []


OF_VLLMS_INSIDE = {
    "server/engine/drafting/detokenize.py": "text is made by vLLM's own detokenizer",
    "server/engine/scripted_client.py": "an engine client has an input processor, and vLLM's server asks it",
    "server/engine/upstream/client.py": "the same; and it checks requests as it would before an engine",
    "server/engine/upstream/reading.py": "logprobs are spelled by vLLM's own part for it",
}
"""Where vLLM's version 1 engine is reached into outside of what runs within it."""


def test_only_what_runs_inside_vllm_knows_its_inside() -> None:
    inside = {_name(path) for path in SOURCES if any(module.startswith("vllm.v1") for module in _imports(path))}
    assert {name for name in inside if not _within("server/engine/core")(name)} == set(OF_VLLMS_INSIDE)


def test_what_runs_inside_vllm_knows_nothing_of_the_rest() -> None:
    """Neither of generation nor of the side that faces vLLM's server: it is loaded in other processes."""
    ours = {"server", "filters", "evaluation", "benchmarks"}
    for path in (ROOT / "server" / "engine" / "core").glob("*.py"):
        modules = {module for module in _imports(path) if module.split(".")[0] in ours}
        assert not {module for module in modules if not module.startswith("server.engine.core")}, _name(path)


def test_what_drafts_knows_nothing_of_vllms_server() -> None:
    facing = {f"server.engine.{path.stem}" for path in (ROOT / "server" / "engine").glob("*.py")}
    for path in (ROOT / "server" / "engine" / "drafting").glob("*.py"):
        assert set(_imports(path)) & facing <= {"server.engine.withholding"}, _name(path)


def _patched_at_import(path: Path) -> Iterator[str]:
    """What a file sets of something that it has imported, as soon as it is imported itself."""
    tree = _tree(path)
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    imported = {(alias.asname or alias.name).split(".")[0] for node in imports for alias in node.names}
    for node in tree.body:
        for target in node.targets if isinstance(node, ast.Assign) else ():
            if isinstance(target, ast.Attribute) and ast.unparse(target).split(".")[0] in imported:
                yield f"{_name(path)}: {ast.unparse(target)}"


def test_no_import_changes_what_is_anothers() -> None:
    """A patch is a function with a name, called where it is wanted (server/engine/core/utility.py)."""
    assert [patch for path in SOURCES for patch in _patched_at_import(path)] == []


def _calls(path: Path, name: str) -> bool:
    calls = (node.func for node in ast.walk(_tree(path)) if isinstance(node, ast.Call))
    return any(isinstance(called, ast.Name) and called.id == name for called in calls)


def test_only_the_outlet_makes_what_leaves() -> None:
    """The invariant at the head of server/generation/outlet.py."""
    assert [_name(path) for path in SOURCES if _calls(path, "Piece")] == ["server/generation/outlet.py"]


def test_the_scripted_engine_needs_no_vllm() -> None:
    """It is what everything else is tried out with."""
    assert "server/engine/drafting/scripted.py" not in _importing({"vllm", "torch", "transformers"})


def _reads_environment(path: Path) -> bool:
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv", "putenv"):
            return True
        if isinstance(node, ast.ImportFrom) and node.module == "os":
            return True
    return False


def test_only_one_file_reads_the_environment() -> None:
    assert [_name(path) for path in SOURCES if _reads_environment(path)] == ["server/environment.py"]


# Sizes (style.md).


def _bodies(path: Path) -> Iterator[tuple[str, int]]:
    """Name and lines of every function body, its docstring not counted."""
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            lines = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
            yield f"{_name(path)}:{node.name}", lines


def _lengths(paths: list[Path]) -> dict[str, int]:
    return {_name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in paths}


def test_function_bodies_are_short() -> None:
    bodies = [body for path in SOURCES for body in _bodies(path)]
    assert [body for body in bodies if body[1] > 50] == []
    lines = [count for _, count in bodies]
    assert median(lines) <= 8
    assert quantiles(lines, n=10)[-1] <= 25


def test_test_functions_are_short() -> None:
    assert [body for path in TESTS for body in _bodies(path) if body[1] > 50] == []


def test_files_are_short() -> None:
    sources, tests = _lengths(SOURCES), _lengths(TESTS)
    assert {name: count for name, count in sources.items() if count > 250} == {}
    assert {name: count for name, count in tests.items() if count > 400} == {}
    assert median(count for count in sources.values() if count > 1) <= 90


WIDE = {"ScriptedEngine", "ScriptedClient"}
"""Classes of more than 12 fields: scripts, which have a field for everything that may be scripted."""


def _classes(paths: list[Path]) -> Iterator[tuple[str, int, int, int]]:
    """Name, methods, fields and lines of every class. Fields are what it assigns to itself: a record may list more."""
    for path in paths:
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.ClassDef):
                methods = sum(isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef) for part in node.body)
                fields = {name for part in ast.walk(node) if (name := _own(part))}
                yield node.name, methods, len(fields), (node.end_lineno or 0) - node.lineno + 1


def _own(node: ast.AST) -> str | None:
    """The name of the attribute of `self` that is assigned here, if one is."""
    match node:
        case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
            return name
        case _:
            return None


SERVED = [path for path in SOURCES if path.relative_to(ROOT).parts[0] in ("server", "filters")]
"""What runs when a model is served."""


def test_classes_are_small() -> None:
    classes = list(_classes(SOURCES))
    assert {name: methods for name, methods, _, _ in classes if methods > 15} == {}
    assert {name for name, _, fields, _ in classes if fields > 12} == WIDE
    assert {name: lines for name, _, _, lines in classes if lines > 150} == {}


CRUMBS = {
    "filters/scorers/teachable.py": "a port between the server and a scorer",
    "server/engine/moved.py": "what two versions of vLLM keep in different places",
    "server/engine/models.py": "what is asked of vLLM's list; our routes know nothing of vLLM",
    "server/engine/watched.py": "what vLLM sees of the watchdog, which knows nothing of vLLM",
    "server/feedback/migrations/env.py": "Alembic finds it by its name",
    "server/introducing.py": "what a page of metrics holds before anybody has asked for anything",
    "server/guard/hold_back.py": "a theorem, and what it rests on",
}
"""Files of fewer than 40 lines that one other imports at most, and why they stand by themselves."""


def _module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def _named(path: Path) -> set[str]:
    """Every module that a file imports, also those of which it takes a part or the whole by `from package import`."""
    parts = (node for node in ast.walk(_tree(path)) if isinstance(node, ast.ImportFrom))
    return {*_imports(path), *(f"{node.module}.{alias.name}" for node in parts for alias in node.names)}


def test_what_is_small_and_used_once_has_a_reason_to_be_a_file() -> None:
    importing = [module for path in SOURCES for module in _named(path)]
    small = [path for path in SOURCES if len(path.read_text(encoding="utf-8").splitlines()) < 40]
    alone = [path for path in small if not path.stem.startswith("__") and importing.count(_module(path)) <= 1]
    assert {_name(path) for path in alone} == CRUMBS.keys()


def _at_once(path: Path) -> Iterator[str]:
    """Where a file assigns several things in one statement, an attribute among them."""
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Assign):
            inner = (part for target in node.targets for part in getattr(target, "elts", [target]))
            several = len(node.targets) > 1 or isinstance(node.targets[0], ast.Tuple)
            if several and any(isinstance(part, ast.Attribute) for part in inner):
                yield f"{_name(path)}:{node.lineno}"


def test_an_attribute_has_a_line_of_its_own() -> None:
    """What a class holds is counted by reading down."""
    assert [place for path in SERVED for place in _at_once(path)] == []


# Tests mirror the source.


def _test_file(source: Path) -> Path:
    """Where the tests of a source file are: `server/` is left out of their path, `filters/` is not."""
    parts = source.relative_to(ROOT).with_name(f"test_{source.stem.strip('_')}.py").parts
    return ROOT / "tests" / Path(*(parts[1:] if parts[0] == "server" else parts))


def _has_code(path: Path) -> bool:
    return any(not isinstance(node, ast.Expr) for node in _tree(path).body)


def test_every_source_file_has_its_test_file() -> None:
    missing = [_name(path) for path in SOURCES if _has_code(path) and not _test_file(path).exists()]
    assert sorted(set(missing) - set(TESTED_ELSEWHERE)) == []


def test_no_exception_is_out_of_date() -> None:
    for name in TESTED_ELSEWHERE:
        assert (ROOT / name).exists(), name
        assert not _test_file(ROOT / name).exists(), name


# Names (design.md, section 8).


def _defined(path: Path) -> Iterator[str]:
    """Every name that a file gives to something."""
    yield path.stem
    for node in ast.walk(_tree(path)):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name


def _words(name: str) -> set[str]:
    """The words of a name in snake or camel case: `LogitsProcessor` has `logits` and `processor`."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


_NAMED_BY_VLLM = (
    *("server/engine/client.py", "server/engine/scripted_client.py", "server/engine/upstream/client.py"),
    "tests/engine/test_client.py",
)
NAMED_BY_LIBRARIES = {f"{name}: input_processor" for name in _NAMED_BY_VLLM} | {"training/e5.py: post_processor"}
"""Names of vLLM's and tokenizers' that ours have to bear."""


@pytest.mark.parametrize("paths", [SOURCES, TESTS], ids=["source", "tests"])
def test_words_that_say_nothing_are_in_no_name(paths: list[Path]) -> None:
    named = {f"{_name(path)}: {name}" for path in paths for name in _defined(path) if _words(name) & UNWANTED}
    assert named - NAMED_BY_LIBRARIES == set()


def test_names_are_taken_apart_into_words() -> None:
    assert _words("LogitsProcessor") == {"logits", "processor"}
    assert _words("_read_JSON_buffer2") == {"read", "json", "buffer"}
