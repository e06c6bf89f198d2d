"""`python -m tests.canary [VERSION | rc | WHEEL]`: what that vLLM breaks; status 1 if it is anything."""

import os
import subprocess
import sys
from pathlib import Path

from tests.canary import wheel
from tests.canary.names import moved
from tests.engine.test_vllm_names import imports

FOLDER = Path(".canary")
WITHIN = ("tests/engine/test_vllm_names.py", "tests/engine/test_vllm_interfaces.py", "tests/engine/core")
"""The tests that lean on vLLM and on nothing that is compiled for it."""
LEFT_OUT = ("tests/engine/core/test_arming.py",)
"""It is about which versions are supported."""


def main(words: list[str]) -> int:
    """Tell what a vLLM breaks."""
    FOLDER.mkdir(exist_ok=True)
    found = wheel.fetched(words[0] if words else "", FOLDER)
    sources, beside = wheel.unpacked(found, FOLDER), FOLDER / f"{found.stem}.beside"
    own, names = os.environ | environment(sources, beside), imports()
    told = list(moved(names, sources))
    say(f"{found.name}: of {len(names)} names {len(told)} have moved", *told)
    tried = importing(sorted({module for each, _ in names for module in each.split("|")}))

    def tell() -> str:
        return subprocess.run(tried, env=own, capture_output=True, check=False, text=True).stdout

    for package in wheel.completed(sources, beside, tell):
        say(f"needs {package}, which is not in this environment")
    return int(subprocess.run(command(), env=own, check=False).returncode != 0 or bool(told))


def say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def importing(modules: list[str]) -> list[str]:
    """A command that imports all of these and says which modules were not there."""
    each = "try:\n import {}\nexcept ModuleNotFoundError as error:\n print(error)"
    return [sys.executable, "-c", "\n".join(each.format(module) for module in modules)]


def command() -> list[str]:
    """The tests, as words of a command."""
    left_out = [f"--ignore={name}" for name in LEFT_OUT]
    return [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout=600", *left_out, *WITHIN]


def environment(sources: Path, beside: Path) -> dict[str, str]:
    """What has Python find that vLLM before the one that is installed."""
    path = os.pathsep.join(str(each.resolve()) for each in (sources, beside, Path()))
    return {"PYTHONPATH": path, "VLLM_TARGET_DEVICE": "cpu", "VLLM_PLUGINS": "", "OMP_NUM_THREADS": "1"}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
