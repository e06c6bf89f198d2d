"""Files and folders that the documentation names are there, and links between its pages lead somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FRONT = ("README.md", "CONTRIBUTING.md", "SECURITY.md", ".github/CODEOWNERS", ".github/pull_request_template.md")
# Not the decisions: each tells of the tree as it was when it was taken.
PAGES = sorted([*(ROOT / name for name in FRONT), *(ROOT / "docs").glob("*.md"), *(ROOT / ".github").rglob("*.yml")])
FOLDERS = (
    *(
        "benchmarks",
        "clients",
        "commands",
        "dashboards",
        "deploy",
        "docs",
        "evaluation",
        "examples",
        "filters",
        "models",
        "reporting",
    ),
    *("requirements", "server", "tests", "training", r"\.github"),
)
PATH = re.compile(rf"(?<![\w./-])/?((?:{'|'.join(FOLDERS)})/[\w./*-]*)")
LINK = re.compile(r"\]\(([^)#]+)")


def paths(text: str) -> set[str]:
    """Every path below one of our folders, from the root of the tree; at a sentence's end without its full stop."""
    return {found.rstrip(".-") for found in PATH.findall(text)}


def exists(path: str) -> bool:
    """Whether there is such a file, folder or module, or for a pattern at least one."""
    return any(ROOT.glob(path)) if "*" in path else (ROOT / path).exists() or (ROOT / f"{path}.py").exists()


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_path_that_is_named_exists(page: Path) -> None:
    assert sorted(path for path in paths(page.read_text(encoding="utf-8")) if not exists(path)) == []


@pytest.mark.parametrize("page", [page for page in PAGES if page.suffix == ".md"], ids=name)
def test_every_link_within_the_tree_leads_somewhere(page: Path) -> None:
    links = {link for link in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link}
    assert sorted(link for link in links if not (page.parent / link).exists()) == []


def test_paths_are_told_from_other_text() -> None:
    text = (
        "`server/guard/ladder.py`, docs/decisions. (tests/engine/test_*.py) plain/server /server/api/ https://x/docs/a"
    )
    expected = {"server/guard/ladder.py", "docs/decisions", "tests/engine/test_*.py", "server/api/"}
    assert paths(text) == expected
    assert exists("tests/docs/test_*.py") and not exists("tests/docs/none_*.py") and not exists("docs/none.md")
