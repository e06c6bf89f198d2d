import httpx
import pytest
from fastapi import FastAPI

from benchmarks.serving import Switch, listening, routes, scorers
from filters.scorer import Bounding
from filters.scorers.scripted import ScriptedScorer

REAL = ScriptedScorer({"rude": 0.9}, categories=("insult", "threat"))


def test_the_current_scorer_judges() -> None:
    switch = Switch(scorers(REAL))
    assert switch.score(["rude"]) == [{"insult": 0.9, "threat": 0.9}]
    switch.use("nothing")
    assert switch.score(["rude"]) == switch.bounds(["rude"], [{"insult": 0.5}]) == [{"insult": 0.0, "threat": 0.0}]
    with pytest.raises(KeyError):
        switch.use("other")


def test_reports_name_the_real_one() -> None:
    switch = Switch(scorers(REAL))
    switch.use("nothing")
    assert (switch.name, switch.categories) == (REAL.name, REAL.categories)
    assert switch.ready() and isinstance(switch, Bounding)


def test_the_flagging_one_has_the_real_one_work() -> None:
    real = ScriptedScorer({}, categories=("insult",))
    Switch(scorers(real)).scorers["flagging"].score(["a", "b"])
    assert real.passes == 1


async def test_the_scorer_is_changed_over_http() -> None:
    switch, app = Switch(scorers(REAL)), FastAPI()
    app.include_router(routes(switch, {"model": "mini"}))
    async with listening(app) as url, httpx.AsyncClient(base_url=url, trust_env=False) as client:
        assert (await client.get("/bench")).json() == {"model": "mini"}
        assert (await client.post("/bench/scorer", json={"scorer": "nothing"})).status_code == 200
    assert switch.score(["rude"]) == [{"insult": 0.0, "threat": 0.0}]
