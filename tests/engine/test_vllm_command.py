"""vLLM's own command runs in the environment that setup.sh makes."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("words", "shown"),
    [(("serve", "--help=max-model-len"), "--max-model-len"), (("bench", "serve", "--help"), "vllm bench serve")],
)
def test_the_command_of_vllm_runs(words: tuple[str, ...], shown: str) -> None:
    command = [str(Path(sys.executable).with_name("vllm")), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0 and shown in done.stdout, done.stderr[-500:]
