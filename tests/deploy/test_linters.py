"""What the linters of others say of the Dockerfile and of the compose files."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
LINT = ("compose-lint", "check", "--strict-config", "--fail-on", "low")


def run(*words: str, folder: Path) -> str:
    """What a program of the environment says; fails where the program does."""
    program = Path(sys.executable).with_name(words[0])
    done = subprocess.run([program, *words[1:]], cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    assert run("hadolint", "--no-color", "Dockerfile", folder=ROOT) == ""


def test_hadolint_would_find_something(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM debian\nRUN cd /tmp\n")
    shutil.copy(ROOT / ".hadolint.yaml", tmp_path)
    program = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([program, "Dockerfile"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert {"DL3006", "DL3003"} <= set(done.stdout.split())


def test_compose_lint_finds_nothing_in_the_compose_file() -> None:
    assert "0 issues" in run(*LINT, "compose.yaml", folder=DEPLOY)


def test_compose_lint_finds_nothing_with_a_gpu(tmp_path: Path) -> None:
    for name, to in {
        "compose.yaml": "compose.yaml",
        "compose.gpu.yaml": "compose.override.yaml",  # which it merges as compose does
        ".compose-lint.yml": ".compose-lint.yml",
    }.items():
        shutil.copy(DEPLOY / name, tmp_path / to)
    found = run(*LINT, "compose.yaml", folder=tmp_path)
    assert "0 issues" in found
    assert "unsay:gpu" in found
