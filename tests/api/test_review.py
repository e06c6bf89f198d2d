"""The routes of reviewers, and their page as it is served; in a browser: tests/feedback/test_review_page.py."""

import json
from pathlib import Path

import pytest

from server.api.access import PAGE
from server.api.review import FILES
from server.feedback.database import Database
from tests.feedback.rows import FLAGGED, TEXT, with_an_answer
from tests.feedback.site import site


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """With one answer of `app`'s, rewound, which the site closes."""
    return with_an_answer(tmp_path)


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


async def test_what_a_reviewer_leaves_to_others_is_not_shown_again(database: Database) -> None:
    async with site(database) as served:
        item = (await served.post("/v1/review/next", "ann", {})).json()["item"]["item"]
        assert (await served.post("/v1/review/next", "ann", {"skip": [item]})).json() == {"item": None}
        assert (await served.post("/v1/review/next", "bob", {})).json()["item"]["item"] == item
        refused = await served.post("/v1/review/next", "ann", {"skip": "all"})
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "skip")
