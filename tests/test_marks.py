from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.conftest import pytest_collection_modifyitems
from tests.marks import PATIENCE_SECONDS, PLACES, QUICK, SHARING, marks, together


@pytest.mark.parametrize(
    ("path", "fixtures", "expected"),
    [
        ("tests/guard/test_advance.py", ["tmp_path"], set()),
        ("tests/journeys/test_leaks.py", ["client"], {"engine"}),
        ("tests/engine/test_quiet.py", [], {"engine"}),
        ("tests/engines.py", [], set()),
        ("tests/engine", [], {"engine"}),
        ("tests/contract/test_scorer.py", [], {"slow"}),
        ("tests/contract/test_engine.py", ["servers", "detoxify_scorer"], {"engine", "slow"}),
        ("tests/filters/test_localize.py", ["detoxify_scorer"], {"slow"}),
        ("tests/filters/scorers/test_packed.py", [], {"slow"}),
    ],
)
def test_a_test_is_marked_by_where_it_stands_and_what_it_asks_for(
    path: str, fixtures: list[str], expected: set[str]
) -> None:
    assert marks(path, fixtures, of_property=False) == expected
    assert marks(path, fixtures, of_property=True) == expected | {"property"}


def test_every_place_with_a_mark_exists(pytestconfig: pytest.Config) -> None:
    assert [place for place in PLACES if not (pytestconfig.rootpath / place).exists()] == []


def test_make_quick_leaves_out_what_these_marks_say(pytestconfig: pytest.Config) -> None:
    assert f'-m "{QUICK}"' in (pytestconfig.rootpath / "Makefile").read_text(encoding="utf-8")


def test_a_test_without_an_engine_has_little_time(request: pytest.FixtureRequest) -> None:
    assert request.node.get_closest_marker("timeout") is None
    assert float(request.config.getini("timeout")) == 20


@pytest.mark.slow
def test_one_that_is_slow_has_more(request: pytest.FixtureRequest) -> None:
    timeout = request.node.get_closest_marker("timeout")
    assert timeout is not None and timeout.args == (PATIENCE_SECONDS,)


@pytest.mark.slow
@pytest.mark.timeout(1)
def test_one_that_says_how_long_it_may_take_has_that(request: pytest.FixtureRequest) -> None:
    assert request.node.get_closest_marker("timeout").args == (1,)


def test_what_shares_the_engine_runs_together_and_the_rest_by_file() -> None:
    assert together("tests/journeys/test_leaks.py") == together("tests/benchmarks/test_rewinds.py") == "engine"
    assert together("tests/journeys.py") == "tests/journeys.py"
    assert all(Path(place).exists() for place in SHARING)


def test_a_file_that_asks_for_the_shared_engine_has_to_be_listed() -> None:
    item = SimpleNamespace(
        fixturenames=["servers"], path=Path("/x/tests/test_new.py"), nodeid="tests/test_new.py::test_it"
    )
    with pytest.raises(pytest.UsageError, match="has to list"):
        pytest_collection_modifyitems(SimpleNamespace(rootpath=Path("/x")), [item])  # type: ignore[arg-type, list-item]
