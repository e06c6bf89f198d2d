"""The version stands in pyproject.toml alone, and CHANGELOG.md tells of it."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
HEADINGS = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
RELEASE = re.compile(r"(\d+)\.(\d+)\.(\d+) \((unreleased|\d{4}-\d\d-\d\d)\)")


def test_the_newest_heading_of_the_changelog_is_the_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert HEADINGS[0].split()[0] == version


def test_headings_are_versions_with_their_day_newest_first_and_at_most_the_first_is_unreleased() -> None:
    found = [RELEASE.fullmatch(heading) for heading in HEADINGS]
    releases = [match.groups() for match in found if match]
    assert len(releases) == len(HEADINGS), HEADINGS
    numbers = [tuple(int(part) for part in release[:3]) for release in releases]
    assert numbers == sorted(set(numbers), reverse=True)
    assert [release for release in releases[1:] if release[3] == "unreleased"] == []


def test_no_package_names_a_version_of_its_own() -> None:
    packages = [path for path in ROOT.glob("*/__init__.py") if path.parent.name != "tests"]
    assert packages
    assert [path for path in packages if "__version__" in path.read_text(encoding="utf-8")] == []
