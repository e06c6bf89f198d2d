"""The routes of feedback and review: rights, answers, bounds, and a database that is not there."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from server.api.access import PAGE
from server.api.feedback import FILES, MOST_BYTES
from server.feedback.database import Database
from server.feedback.review import Judged
from server.feedback.verdicts import Said
from tests.feedback.rows import FLAGGED, TEXT, kept, row
from tests.feedback.site import site

SAID = {"response_id": "r1", "verdict": "missed"}
POSTS = ("/v1/feedback", "/v1/review", "/v1/review/next")


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """With one answer of `app`'s, rewound, which the site closes."""
    made = Database(str(tmp_path / "feedback.db"))
    kept(made, row(spans=[FLAGGED]))
    return made


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


async def test_a_reviewer_takes_and_judges_what_waits_and_all_of_it_is_audited(database: Database) -> None:
    async with site(database) as served:
        item = (await served.post("/v1/review/next", "ann", {})).json()["item"]
        assert (item["about"], item["reason"], item["text"]) == ("taken_back", "rewound", TEXT)
        assert item["taken_back"] == {"text": TEXT[:14] + FLAGGED.text, "start": 14} if FLAGGED.text else False
        body = {"item": item["item"], "about": "taken_back", "toxic": True, "span": [21, 26], "category": "insult"}
        judged = await served.post("/v1/review", "ann", {**body, "fluency": 4})
        assert judged.status_code == 200
        assert (await served.post("/v1/review/next", "ann", {})).json() == {"item": None}
        status = (await served.get("/v1/review/status", "ann")).json()
        assert (status["own_reviews"], status["waiting"], status["flagged_text"]) == (1, 0, True)
        assert [event for event, _ in served.heard.events] == ["review_shown", "review"]
        assert all("text" not in facts for _, facts in served.heard.events)


async def test_reviewing_needs_its_right_and_flagged_text_another(database: Database) -> None:
    async with site(database) as served:
        for path in ("/v1/review", "/v1/review/next"):
            assert (await served.post(path, "app", {})).status_code == 403
        assert (await served.get("/v1/review/status", "app")).status_code == 403
        item = (await served.post("/v1/review/next", "bob", {})).json()["item"]
        assert (item["about"], item["taken_back"], item["prompt"]) == ("answer", None, None)
        assert "idiot" not in json.dumps(item)
        judged = await served.post("/v1/review", "bob", {"item": item["item"], "about": "taken_back", "toxic": True})
        assert (judged.status_code, judged.json()["error"]["param"]) == (403, "about")


@pytest.mark.parametrize("path", PAGE)
async def test_the_page_is_open_to_all_and_runs_nothing_from_elsewhere(database: Database, path: str) -> None:
    async with site(database) as served:
        answer = await served.web.get(path)
        assert answer.status_code == 200 and answer.content == (FILES / PAGE[path]).read_bytes()
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'") and "unsafe" not in policy
        assert "://" not in answer.text and "style=" not in answer.text and "onclick" not in answer.text


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


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(POSTS), body=BODIES, key=st.sampled_from(["app", "ann", "bob"]))
async def test_whatever_is_sent_is_answered_or_refused_by_name(
    database: Database, path: str, body: bytes, key: str
) -> None:
    async with site(Database(str(database.engine.url.database))) as served:
        answer = await served.web.post(path, content=body, headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code in (200, 400, 403, 404, 413), answer.text
        if answer.status_code >= 400:
            assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
