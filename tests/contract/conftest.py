"""Which scorers the contract is tried on: those named with `--scorer`, or ours and whatever packages register."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from filters.scorer import Scorer
from filters.scorers import registry
from filters.scorers.remote import RemoteScorer
from tests.contract.rigs import SCRIPTED, serving


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--scorer", action="append", help="put this scorer through the contract, and no other")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "scorer" in metafunc.fixturenames:
        named = metafunc.config.getoption("--scorer", default=None)
        metafunc.parametrize(
            "scorer", named or ["scripted", "detoxify", "remote", *registry.installed()], indirect=True
        )


@pytest.fixture(scope="module")
def scorer(request: pytest.FixtureRequest, bundled_classifier: Path) -> Iterator[Scorer]:
    """Each scorer in turn, loaded by its name; all of them find RUDE rude and CLEAN clean."""
    with ExitStack() as stack:
        name = request.param
        if name == "remote":
            name = f"remote:{stack.enter_context(serving('--scorer', SCRIPTED)).url}"
        ours = {"scripted": SCRIPTED, "detoxify": f"detoxify:{bundled_classifier}"}
        scorer = registry.load(ours.get(name, name))
        yield scorer
        if isinstance(scorer, RemoteScorer):
            scorer.close()
