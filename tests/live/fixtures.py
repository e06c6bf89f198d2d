"""The fixture over the real engine, one for the whole run: journeys, the engine's contract and a benchmark share it.

With `--door` it is a server that was started as an operator would, through each door in turn (doors.py).
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tests.live.commands import DOORS
from tests.live.promises import kept, spread

if TYPE_CHECKING:
    from filters.scorers.detoxify import DetoxifyScorer
    from tests.live.servers import Servers

NO_PARAMETERS = SimpleNamespace(params={})


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the doors."""
    parser.addoption("--door", action="append", choices=tuple(DOORS), help="start what is tried through it")
    parser.addoption("--cases", type=int, help="of the cases of a test, try so many through each door")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Have every test of the servers once for each door."""
    doors = metafunc.config.getoption("--door")
    if doors and "servers" in metafunc.fixturenames:
        metafunc.parametrize("servers", doors, indirect=True, scope="session")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Note with each test the door that it is tried through, and leave out cases beyond `--cases`."""
    cases: dict[Any, list[pytest.Item]] = {}
    for item in items:
        if door := getattr(item, "callspec", NO_PARAMETERS).params.get("servers"):
            item.user_properties.append(("door", door))
            cases.setdefault((door, item.path, getattr(item, "originalname", item.name)), []).append(item)
    if most := config.getoption("--cases"):
        out = {item for each in cases.values() for item in each} - {
            item for each in cases.values() for item in spread(each, most)
        }
        config.hook.pytest_deselected(items=list(out))
        items[:] = [item for item in items if item not in out]


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the table of what each door kept."""
    if not (doors := config.getoption("--door")):
        return
    outcomes: dict[tuple[str, str], str] = {}
    for outcome in ("passed", "skipped", "failed", "error"):
        for report in terminalreporter.getreports(outcome):
            if door := dict(report.user_properties).get("door"):
                outcomes[door, report.nodeid] = "failed" if outcome == "error" else outcome
    terminalreporter.section("promises")
    terminalreporter.write_line(kept(((door, test, said) for (door, test), said in outcomes.items()), doors))


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest, detoxify_scorer: "DetoxifyScorer") -> Iterator["Servers"]:
    """Plain vLLM's server and ours; it judges by the bundled classifier until a test swaps it.

    Both are over one real engine, in this process; with `--door` each is a process, and has an engine.
    """
    from tests.live.scorer import SwitchableScorer
    from tests.live.servers import serving  # imports vLLM: seconds that runs without it are spared

    scorer, door = SwitchableScorer(detoxify_scorer), getattr(request, "param", None)
    if door is None:
        with serving(scorer) as both:
            yield both
        return
    from tests.live.doors import launched

    plain = request.getfixturevalue("plain_server")
    with TemporaryDirectory() as folder, launched(door, scorer, plain, Path(folder)) as both:
        yield both


@pytest.fixture(scope="session")
def plain_server() -> Iterator[str]:
    """The address of plain vLLM's server, a process that knows nothing of us."""
    from tests.live.commands import unguarded
    from tests.live.doors import up

    with TemporaryDirectory() as folder, up(unguarded(), "/health", Path(folder) / "log") as url:
        yield url
