"""docs/deploying.md: the modelled table is what the model gives; versions and folders are those of the repository."""

import re
import tomllib
from pathlib import Path

import yaml

from tests.fleet.model import SINGLY, SIZES, WINDOWS, Fleet, table

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/deploying.md").read_text(encoding="utf-8")


def test_what_is_modelled_is_what_the_model_gives() -> None:
    assert table() in PAGE
    flat = re.sub(r"\s+", " ", PAGE)
    assumptions = [
        f"takes {1000 * WINDOWS.step_seconds:.0f} ms and {1000 * WINDOWS.stream_seconds:.1f} ms",
        f"{WINDOWS.streams} streams",
        f"{WINDOWS.tokens} tokens on average",
        f"{1000 * WINDOWS.proxy_seconds:.2f} ms of one core",
        f"{1000 * SINGLY.proxy_seconds:.1f} ms",
    ]
    assert [assumption for assumption in assumptions if assumption not in flat] == []


def test_one_replica_loses_nothing_and_unevenness_is_small() -> None:
    free = Fleet(proxy_seconds=1e-9)
    assert abs(free.efficiency(1) - 1) < 0.001
    assert all(0.97 < free.efficiency(size) <= 1.001 for size in SIZES)


def test_a_proxy_that_is_full_holds_its_node_back() -> None:
    slow = Fleet(proxy_seconds=0.001)
    assert abs(slow.efficiency(8) * 8 * slow.alone() - 1000) < 1
    assert abs(slow.efficiency(16) - slow.efficiency(8)) < 0.01, "sixteen are on two nodes"


def test_every_folder_with_files_for_others_is_named() -> None:
    folders = {path.name for path in (ROOT / "deploy").iterdir() if path.is_dir()} - {"monitoring", "policies"}
    named = {path.split("/")[1] for path in re.findall(r"`(deploy/[\w/-]+)`", PAGE)}
    assert folders <= named


def test_ray_has_one_version() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    (pin,) = extras["ray"]
    version = pin.removeprefix("ray[serve]==")
    assert f"\nray=={version} " in (ROOT / "requirements/dev.lock").read_text()
    cluster = yaml.safe_load((ROOT / "deploy/ray/rayservice.yaml").read_text())["spec"]["rayClusterConfig"]
    assert cluster["rayVersion"] == version
    short = version.rpartition(".")[0]
    assert f"Ray Serve {short}" in PAGE and f"Ray {short}" in (ROOT / "deploy/ray/serve.yaml").read_text()
