"""What holds for every test: how properties are tried, marks, time. What costs seconds to make comes of the plugins."""

import logging
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import is_hypothesis_test, settings

import tests.properties  # noqa: F401 (registers the profiles)
from tests.marks import DOOR_SECONDS, PATIENCE_SECONDS, PATIENT, QUICK, marks, together

# Shared by several folders and made once for the whole run, by those tests that ask: nothing heavy is imported before.
pytest_plugins = ("tests.browser.fixtures", "tests.filters.scorers.bundled", "tests.live.fixtures")

settings.load_profile("ci")


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """What runs the tests and fixtures that are coroutines: the loop that serves as well, with its coarse timers."""
    return "asyncio", {"use_uvloop": True}


@pytest.fixture
def signal_handlers() -> Iterator[None]:
    """The process of the tests keeps its own handlers of what ends a server."""
    ending = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.getsignal(number) for number in ending}
    yield
    for number, own in before.items():
        signal.signal(number, own)


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """A command sets up the log of its process: here it writes into a test's capture, and is to end with that test."""
    ours = logging.getLogger("unsay")
    handlers, level, propagate = list(ours.handlers), ours.level, ours.propagate
    yield
    ours.handlers[:] = handlers
    ours.setLevel(level)
    ours.propagate = propagate


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out what `make quick` would import only to deselect it."""
    if config.option.markexpr == QUICK and PATIENT & marks(_place(collection_path, config)):
        return True
    return None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `-n 2`, run what shares the engine in one process, and every other file in one or the other."""
    from xdist.scheduler import LoadScopeScheduling

    class Together(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return together(nodeid.partition("::")[0])

    return Together(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark every test, and give those that start or load something heavy the time for it."""
    for item in items:
        fixtures, function = getattr(item, "fixturenames", ()), getattr(item, "obj", None)
        if "servers" in fixtures and together(_place(item.path, config)) != "engine":
            raise pytest.UsageError(f"{item.nodeid} asks for the shared engine: tests/marks.py has to list its file")
        for mark in marks(_place(item.path, config), fixtures, of_property=is_hypothesis_test(function)):
            item.add_marker(mark)
        if PATIENT & {mark.name for mark in item.iter_markers()} and item.get_closest_marker("timeout") is None:
            doors = "servers" in fixtures and config.getoption("--door")
            item.add_marker(pytest.mark.timeout(DOOR_SECONDS if doors else PATIENCE_SECONDS))


def _place(path: Path, config: pytest.Config) -> str:
    return path.relative_to(config.rootpath).as_posix()
