"""POST /v1/feedback: rights, answers, bounds, and a database that is not there."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from server.api.access import PAGE
from server.api.feedback import MOST_BYTES
from server.feedback.database import Database
from server.feedback.judgement import Judged
from server.feedback.verdicts import Said
from tests.feedback.rows import FLAGGED, TEXT, kept, row, with_an_answer
from tests.feedback.site import site

SAID = {"response_id": "r1", "verdict": "missed"}
POSTS = ("/v1/feedback", "/v1/review", "/v1/review/next")


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """With one answer of `app`'s, rewound, which the site closes."""
    return with_an_answer(tmp_path)


async def test_what_is_said_is_in_the_database_once_it_is_answered(database: Database) -> None:
    async with site(database) as served:
        answer = await served.post("/v1/feedback", "app", {**SAID, "span": [0, 4], "comment": "hm"})
        again = await served.post("/v1/feedback", "app", {**SAID, "span": [0, 4], "comment": "hm"})
        with database.engine.connect() as connection:
            found = connection.execute(text("SELECT id, key, verdict, comment FROM verdicts")).all()
        assert answer.status_code == 200 and answer.json() == again.json()
        assert found == [(answer.json()["id"], "app", "missed", "hm")]
        assert served.told.given == {"missed": 1}
        facts = {"key": "app", "id": answer.json()["id"], "response": "r1", "verdict": "missed"}
        assert served.heard.events == [("feedback", facts)], "and no word of what was said"


@pytest.mark.parametrize(
    ("key", "body", "status", "param"),
    [
        ("app", {**SAID, "response_id": "nosuch"}, 404, "response_id"),
        ("other", SAID, 403, "response_id"),
        ("mute", SAID, 403, None),
        ("app", {**SAID, "span": [0, len(TEXT) + 1]}, 400, "span"),
        ("app", {**SAID, "verdict": "bad"}, 400, "verdict"),
        ("app", {**SAID, "comment": "x" * MOST_BYTES}, 413, "body"),
        ("nobody", SAID, 401, None),
    ],
)
async def test_what_cannot_be_said_is_refused(
    database: Database, key: str, body: dict[str, Any], status: int, param: str | None
) -> None:
    async with site(database) as served:
        answer = await served.post("/v1/feedback", key, body)
        assert (answer.status_code, answer.json()["error"]["param"]) == (status, param)
        assert not served.told.given


async def test_an_idempotency_key_is_for_one_thing(database: Database) -> None:
    async with site(database) as served:
        first = await served.post("/v1/feedback", "app", SAID, idempotency_key="k")
        assert (await served.post("/v1/feedback", "app", SAID, idempotency_key="k")).json() == first.json()
        other = await served.post("/v1/feedback", "app", {**SAID, "verdict": "good"}, idempotency_key="k")
        assert (other.status_code, other.json()["error"]["param"]) == (400, "Idempotency-Key")
        long = await served.post("/v1/feedback", "app", SAID, idempotency_key="k" * 257)
        assert (long.status_code, long.json()["error"]["param"]) == (400, "Idempotency-Key")


async def test_feedback_counts_against_the_limits_of_its_key(database: Database) -> None:
    async with site(database) as served:
        statuses = [(await served.post("/v1/feedback", "few", SAID)).status_code for _ in range(3)]
        assert statuses == [403, 403, 429]


async def test_without_a_database_every_route_says_how_to_have_one() -> None:
    async with site(None) as served:
        answers = [await served.post(path, "ann", SAID) for path in POSTS]
        answers += [await served.get(path, "ann") for path in ("/v1/review/status", *PAGE)]
        assert {answer.status_code for answer in answers} == {404}
        assert all("--feedback-db FILE" in answer.json()["error"]["message"] for answer in answers)


async def test_while_the_database_is_locked_feedback_is_503_and_later_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.feedback.database.WAIT_SECONDS", 0.05)
    database = Database(str(tmp_path / "feedback.db"))
    kept(database, row())
    async with site(database) as served:
        with database.engine.begin() as other:
            other.execute(text("SELECT 1"))  # the transaction that it begins could write, and nobody else's can
            refused = await served.post("/v1/feedback", "app", SAID)
        assert (refused.status_code, refused.headers["retry-after"], served.told.failures) == (503, "5", 1)
        assert (await served.post("/v1/feedback", "app", SAID)).status_code == 200


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
PLAUSIBLE = VALUES | st.sampled_from(["r1", "missed", "answer", "taken_back", 1, 3, [0, 4], [4, 0], True, "insult"])
NAMES = sorted({*Said.model_fields, *Judged.model_fields, "skip"})
BODIES = (st.dictionaries(st.sampled_from(NAMES), PLAUSIBLE, max_size=8) | VALUES).map(
    lambda value: json.dumps(value).encode()
) | st.binary(max_size=40)


@pytest.fixture(scope="module")
async def web(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """One server for all that is drawn."""
    database = Database(str(tmp_path_factory.mktemp("drawn") / "feedback.db"))
    kept(database, row(spans=[FLAGGED]))
    async with site(database) as served:
        yield served.web


@given(path=st.sampled_from(POSTS), body=BODIES, key=st.sampled_from(["app", "ann", "bob"]))
async def test_whatever_is_sent_is_answered_or_refused_by_name(
    web: httpx.AsyncClient, path: str, body: bytes, key: str
) -> None:
    answer = await web.post(path, content=body, headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code in (200, 400, 403, 404, 413), answer.text
    if answer.status_code >= 400:
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
