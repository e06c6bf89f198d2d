"""The Python sources of a vLLM, out of its wheel, and the packages that they need and this environment lacks."""

import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from zipfile import ZipFile

from packaging.requirements import Requirement

KEPT = (".py", ".json", ".txt", ".jinja", "METADATA", "RECORD")
MOST_PACKAGES = 20

Run = Callable[[list[str]], object]


def pip(words: list[str]) -> None:
    """Run pip. CalledProcessError if it fails."""
    subprocess.run([sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *words], check=True)


def fetched(wanted: str, folder: Path, run: Run = pip) -> Path:
    """Return the wheel: the file of this name, or of this version of vLLM (`rc`: the newest there is), downloaded."""
    if wanted.endswith(".whl"):
        return Path(wanted)
    words = ["download", "--no-deps", "--only-binary", ":all:", "--dest", str(folder)]
    words += ["--pre", "vllm"] if wanted == "rc" else [f"vllm=={wanted}" if wanted else "vllm"]
    run(words)
    return max(folder.glob("vllm-*.whl"), key=lambda wheel: wheel.stat().st_mtime)


def unpacked(wheel: Path, folder: Path) -> Path:
    """Return the folder with the wheel's Python sources, for PYTHONPATH. What is compiled stays in the wheel."""
    sources = folder / wheel.stem
    if not sources.is_dir():
        with ZipFile(wheel) as packed:
            names = [name for name in packed.namelist() if name.endswith(KEPT)]
            packed.extractall(sources, names)
    return sources


def completed(sources: Path, beside: Path, importing: Callable[[], str], run: Run = pip) -> list[str]:
    """Install beside the sources what they cannot be imported without, one after another; return what that was.

    `importing` tries it and returns what Python says. No more is installed: most of what a vLLM needs is for a GPU.
    """
    needed, wanted = list[str](), requirements(sources)
    for _ in range(MOST_PACKAGES):
        lacking = re.search(r"No module named '(\w+)", importing())
        if lacking is None or lacking[1] not in wanted:
            break
        needed.append(str(wanted[lacking[1]]))
        run(["install", "--no-deps", "--target", str(beside), needed[-1]])
    return needed


def requirements(sources: Path) -> Mapping[str, Requirement]:
    """Return what the wheel needs, by the name of the module that it most likely is."""
    (metadata,) = sources.glob("vllm-*.dist-info/METADATA")
    lines = metadata.read_text(encoding="utf-8").partition("\n\n")[0].splitlines()
    found = [Requirement(line.partition(": ")[2]) for line in lines if line.startswith("Requires-Dist: ")]
    return {
        each.name.replace("-", "_"): each for each in found if not each.marker or each.marker.evaluate({"extra": ""})
    }
