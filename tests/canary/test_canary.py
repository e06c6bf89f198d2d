"""The canary itself, over a vLLM of three files: which names it misses, and what it fetches."""

from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.canary import wheel
from tests.canary.__main__ import command, environment, importing
from tests.canary.names import moved

METADATA = """Metadata-Version: 2.4
Name: vllm
Requires-Dist: orjson>=3.11
Requires-Dist: nvidia-cutlass-dsl[cu13]==4.8.0
Requires-Dist: ray[data]; extra == "ray"

Requires-Dist: not-this
"""
FILES = {
    "vllm/__init__.py": 'LAZY = {"LLM": ".entrypoints.llm"}\n',
    "vllm/one.py": "class Here:\n def inner(): ...\ntry:\n from vllm.two import there\nexcept ImportError:\n X = 1\n",
    "vllm/two.py": "async def there(): ...\nclass Gone: ...\n",
    "vllm/_C.abi3.so": "binary",
    "vllm-9.0.0.dist-info/METADATA": METADATA,
}


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    made = tmp_path / "vllm-9.0.0-cp38-abi3-manylinux_2_28_x86_64.whl"
    with ZipFile(made, "w") as file:
        for name, text in FILES.items():
            file.writestr(name, text)
    return made


@pytest.fixture
def sources(packed: Path, tmp_path: Path) -> Path:
    return wheel.unpacked(packed, tmp_path / "out")


def test_only_what_can_be_read_is_unpacked_and_once(packed: Path, sources: Path) -> None:
    assert (sources / "vllm/one.py").is_file() and not (sources / "vllm/_C.abi3.so").exists()
    (sources / "vllm/one.py").write_text("# kept", encoding="utf-8")
    assert wheel.unpacked(packed, sources.parent) == sources
    assert (sources / "vllm/one.py").read_text(encoding="utf-8") == "# kept"


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("vllm", ""),
        ("vllm", "one"),
        ("vllm", "LLM"),
        ("vllm.one", "Here"),
        ("vllm.one", "there"),
        ("vllm.one", "X"),
        ("vllm.nowhere|vllm.two", "Gone"),
    ],
)
def test_a_name_that_is_there_is_not_missed(sources: Path, module: str, name: str) -> None:
    assert list(moved([(module, name)], sources)) == []


def test_each_name_that_has_moved_is_told_with_its_new_home(sources: Path) -> None:
    wanted = [("vllm.one", "Gone"), ("vllm.one", "inner"), ("vllm.no", "Here"), ("vllm.a|vllm.b", "Lost")]
    assert list(moved(wanted, sources)) == [
        "vllm.one.Gone: now in vllm.two",
        "vllm.one.inner: now in nowhere",
        "vllm.no.Here: now in vllm.one",
        "vllm.a|vllm.b.Lost: now in nowhere",
    ]


def said(*lines: str) -> Callable[[], str]:
    left = list(lines)
    return lambda: left.pop(0)


def test_what_it_cannot_be_imported_without_is_installed_beside_it(sources: Path, tmp_path: Path) -> None:
    ran: list[list[str]] = []
    found = wheel.completed(sources, tmp_path, said("No module named 'orjson'\nNo module named 'x'", ""), ran.append)
    assert found == ["orjson>=3.11"]
    assert ran == [["install", "--no-deps", "--target", str(tmp_path), "orjson>=3.11"]]


@pytest.mark.parametrize("name", ["vllm", "ray", "not_this"])
def test_nothing_else_is(sources: Path, tmp_path: Path, name: str) -> None:
    """A module of its own that has moved, an extra, a line of the description."""
    assert wheel.completed(sources, tmp_path, said(f"No module named '{name}.b'"), lambda words: 1 / 0) == []


@pytest.mark.parametrize(("wanted", "asked"), [("", ["vllm"]), ("0.34.0", ["vllm==0.34.0"]), ("rc", ["--pre", "vllm"])])
def test_a_version_is_fetched(packed: Path, wanted: str, asked: list[str]) -> None:
    ran: list[list[str]] = []
    assert wheel.fetched(wanted, packed.parent, ran.append) == packed
    assert ran[0][: len(ran[0]) - len(asked)][:2] == ["download", "--no-deps"] and ran[0][-len(asked) :] == asked


def test_a_wheel_that_is_there_is_taken(packed: Path) -> None:
    assert wheel.fetched(str(packed), Path("nowhere"), lambda words: 1 / 0) == packed


def test_the_tests_find_it_before_the_one_that_is_installed(tmp_path: Path) -> None:
    own = environment(tmp_path / "sources", tmp_path / "beside")
    assert own["PYTHONPATH"].split(":")[:2] == [str(tmp_path / "sources"), str(tmp_path / "beside")]
    assert "tests/engine/core" in command() and "--ignore=tests/engine/core/test_arming.py" in command()
    assert "import vllm.a\n" in importing(["vllm.a"])[-1] and "import vllm.b\n" in importing(["vllm.b"])[-1]
