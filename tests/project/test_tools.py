"""The tools have one version each, wherever they are called from."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def locked(package: str) -> str:
    """The version in requirements/dev.lock."""
    lock = (ROOT / "requirements/dev.lock").read_text(encoding="utf-8")
    (version,) = re.findall(rf"^{re.escape(package)}==(\S+)", lock, re.MULTILINE)
    return str(version)


def test_a_commit_is_looked_at_by_the_ruff_that_make_lint_runs() -> None:
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert repository["rev"] == f"v{locked('ruff')}"
    assert [hook["id"] for hook in repository["hooks"]] == ["ruff-check", "ruff-format"]


def test_every_tool_that_is_asked_for_is_locked() -> None:
    asked = (ROOT / "requirements/dev.in").read_text(encoding="utf-8").lower().split()
    assert all(locked(re.split(r"[\[=]", package)[0]) for package in asked)
