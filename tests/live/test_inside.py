"""What the tests have inside of a launched server: their own scorer, and a few paths."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from filters.scorer import ScorerUnavailable
from filters.scorers.registry import Setup
from filters.scorers.scripted import ScriptedScorer
from tests.live.inside import JUDGE, Distant, Inside, judging, lent


@pytest.fixture
def scorer() -> ScriptedScorer:
    return ScriptedScorer({"river": 0.9}, categories=("toxicity", "insult"))


@pytest.fixture
def distant(scorer: ScriptedScorer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Distant]:
    monkeypatch.setenv(JUDGE, str(tmp_path / "judge"))
    with lent(scorer, tmp_path / "judge"):
        yield judging(Setup())


def test_a_distant_scorer_scores_as_the_one_that_is_lent(scorer: ScriptedScorer, distant: Distant) -> None:
    texts = ["The river.", "The town."]
    assert (distant.name, distant.categories, distant.ready()) == (scorer.name, scorer.categories, True)
    assert distant.score(texts) == scorer.score(texts)


def test_it_fails_for_the_same_reason_and_goes_on(scorer: ScriptedScorer, distant: Distant) -> None:
    scorer.fail(1, "overloaded")
    with pytest.raises(ScorerUnavailable) as caught:
        distant.score(["The river."])
    assert caught.value.reason == "overloaded" and distant.score(["The river."])[0]["insult"] == 0.9


class Engine:
    """As much of vLLM's as is reached."""

    async def reset_prefix_cache(self) -> bool:
        return True

    def get_num_unfinished_requests(self) -> int:
        return 3

    def generate(self) -> str:
        return "generated"


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def web(engine: Engine) -> Iterator[TestClient]:
    app = Starlette()
    app.add_middleware(Inside)
    app.state.engine_client = SimpleNamespace(inner=engine, alternative_scores=SimpleNamespace(forget=lambda: None))
    with TestClient(app) as client:
        yield client


@pytest.mark.parametrize(
    ("wish", "told"), [("in_flight", 3), ("tasks", []), ("forget_prefixes", True), ("forget_alternatives", None)]
)
def test_what_a_test_reaches_in_its_own_process_it_reaches_by_a_path(web: TestClient, wish: str, told: Any) -> None:
    assert web.get(f"/inside/{wish}").json() == told


def test_an_engine_is_closed_and_open_again(web: TestClient, engine: Engine) -> None:
    web.get("/inside/close")
    assert engine.generate is None
    web.get("/inside/open")
    assert engine.generate() == "generated"


def test_all_else_is_left_to_the_application(web: TestClient) -> None:
    assert web.get("/elsewhere").status_code == 404
