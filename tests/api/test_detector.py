"""The detectors API over a scripted scorer, in this process."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from filters.batcher import Batcher
from filters.scorer import Reason, Scores, ThresholdValues
from filters.scorers.detections import PATH
from filters.scorers.scripted import ScriptedScorer
from server.api.detector import MOST_BYTES, MOST_CHARACTERS, application
from tests.api.asgi_app import left_by_its_client
from tests.generation.stage import until

SECRET = "a private text"


class Listening(ScriptedScorer):
    """Knows two words, and which thresholds it was told."""

    def __init__(self) -> None:
        super().__init__({"idiot": 0.9, "meh": 0.3}, categories=("toxicity", "insult"))
        self.thresholds: list[ThresholdValues] = []
        self.texts: list[str] = []

    def score(self, texts: Sequence[str]) -> list[Scores]:
        self.texts += texts
        return super().score(texts)

    def bounds(self, texts: Sequence[str], thresholds: Sequence[ThresholdValues]) -> list[Scores]:
        self.thresholds += thresholds
        return self.score(texts)


async def asked(scorer: ScriptedScorer, method: str = "POST", path: str = PATH, **options: Any) -> httpx.Response:
    """One request to the application."""
    batcher = Batcher(scorer, deadline_seconds=0.3, max_queue=4)
    await batcher.start()
    app = application(batcher, most_contents=4)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as web:
        answer = await web.request(method, path, headers={"detector-id": "x"}, **options)
    scorer.release()
    await batcher.aclose()
    return answer


async def detections(scorer: ScriptedScorer, contents: list[str], **params: Any) -> list[list[tuple[str, float]]]:
    """Type and score of what is detected in each text."""
    answer = await asked(scorer, json={"contents": contents, "detector_params": params})
    assert answer.status_code == 200, answer.text
    return [[(each["detection_type"], each["score"]) for each in own] for own in answer.json()]


async def test_detections_have_the_shape_of_the_api() -> None:
    answer = await asked(Listening(), json={"contents": ["a quiet day", "you \U0001f600 idiot"]})
    about = {"start": 0, "end": 11, "text": "you \U0001f600 idiot", "detection": "scripted", "score": 0.9}
    assert answer.json() == [[], [{**about, "detection_type": kind} for kind in ("toxicity", "insult")]]


@pytest.mark.parametrize(("params", "count"), [({}, 0), ({"threshold": 0.3}, 2), ({"threshold": 0.31}, 0)])
async def test_a_score_from_the_threshold_on_is_a_detection(params: dict[str, float], count: int) -> None:
    assert len((await detections(Listening(), ["meh"], **params))[0]) == count


async def test_with_a_threshold_of_zero_every_score_is_told_and_exact() -> None:
    scorer = Listening()
    assert await detections(scorer, ["fine"], threshold=0) == [[("toxicity", 0.0), ("insult", 0.0)]]
    assert scorer.thresholds == []


async def test_the_scorer_is_told_what_its_scores_are_held_against() -> None:
    scorer = Listening()
    await detections(scorer, ["one"], threshold=0.4)
    assert scorer.thresholds == [{"toxicity": 0.4, "insult": 0.4}]


async def test_each_text_has_thresholds_of_its_own_and_keeps_its_place() -> None:
    scorer = Listening()
    low, high = {"toxicity": 0.1}, {"toxicity": 0.8, "insult": 0.5}
    found = await detections(scorer, ["meh", "idiot", "fine", "idiot"], threshold=0, least=[low, high, low, {}])
    assert [own[0][1] for own in found] == [0.3, 0.9, 0.0, 0.9]
    told = dict(zip(scorer.texts, scorer.thresholds, strict=True))
    assert (told["meh"], told["fine"]) == (low, low)
    assert scorer.passes == 1, "they share a pass"


async def test_texts_are_scored_as_they_come() -> None:
    scorer = Listening()
    await detections(scorer, ["  i d i o t ", ""])
    assert scorer.texts == ["  i d i o t ", ""]


@pytest.mark.parametrize(
    ("body", "status", "named"),
    [
        (b"{", 422, "body: expected JSON"),
        (b"[" * 100_000, 422, "body: expected JSON"),
        (b"[]", 422, "body"),
        (b"{}", 422, "contents"),
        (b'{"contents": []}', 422, "contents"),
        (b'{"contents": "a"}', 422, "contents"),
        (b'{"contents": ["a", 1]}', 422, "contents.1"),
        (b'{"contents": ["\\ud83d"]}', 422, "contents.0"),
        (b'{"contents": ["a"], "more": 1}', 422, "more"),
        (b'{"contents": ["a"], "detector_params": {"treshold": 1}}', 422, "detector_params.treshold"),
        (b'{"contents": ["a"], "detector_params": {"threshold": NaN}}', 422, "detector_params.threshold"),
        (b'{"contents": ["a"], "detector_params": {"threshold": 2}}', 422, "detector_params.threshold"),
        (b'{"contents": ["a"], "detector_params": {"least": []}}', 422, "detector_params.least"),
        (b'{"contents": ["a"], "detector_params": {"least": [{"x": 7}]}}', 422, "detector_params.least.0.x"),
        (json.dumps({"contents": ["a"] * 5}).encode(), 413, "contents: expected at most 4 texts"),
        (json.dumps({"contents": ["a" * (MOST_CHARACTERS + 1)]}).encode(), 422, "contents.0"),
        (b" " * (MOST_BYTES + 1), 413, f"body: expected at most {MOST_BYTES} bytes"),
    ],
)
async def test_what_cannot_be_answered_is_refused_and_not_scored(body: bytes, status: int, named: str) -> None:
    scorer = Listening()
    answer = await asked(scorer, content=body)
    assert answer.status_code == answer.json()["code"] == status
    assert answer.json()["message"].startswith(named) and scorer.texts == []


async def test_a_refusal_does_not_quote() -> None:
    assert SECRET not in (await asked(Listening(), json={"contents": [{"text": SECRET}]})).text


@pytest.mark.parametrize(("reason", "status"), [("error", 500), ("overloaded", 503), ("deadline", 504)])
async def test_without_scores_there_is_an_error_and_no_detections(reason: Reason, status: int) -> None:
    scorer = Listening()
    scorer.fail(9, reason)
    answer = await asked(scorer, json={"contents": [SECRET]})
    assert answer.status_code == status and answer.json() == {"code": status, "message": f"no score: {reason}"}


async def test_a_pass_that_hangs_ends_at_the_deadline() -> None:
    scorer = Listening()
    scorer.hang()
    assert (await asked(scorer, json={"contents": ["a"]})).status_code == 504


async def test_once_its_client_is_gone_a_request_is_scored_no_further() -> None:
    scorer = Listening()
    scorer.hang()
    batcher = Batcher(scorer, max_batch=1)
    await batcher.start()
    app = application(batcher, most_contents=4)
    given = {"contents": ["a", "b", "c"]}
    sent = await left_by_its_client(app, PATH, given, lambda: until(lambda: scorer.passes > 0))
    scorer.release()
    await batcher.score(["later"])
    await batcher.aclose()
    assert scorer.texts == ["a", "later"] and sent[0]["status"] == 499


async def test_health_says_what_the_scores_are_of() -> None:
    answer = await asked(Listening(), "GET", "/health")
    about = {"status": "ok", "scorer": "scripted", "categories": ["toxicity", "insult"]}
    assert (answer.status_code, answer.json()) == (200, about)


async def test_a_scorer_that_fails_is_not_well_until_it_scores_again() -> None:
    scorer = Listening()
    batcher = Batcher(scorer)
    await batcher.start()
    scorer.fail(2)
    transport = httpx.ASGITransport(application(batcher, most_contents=4))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as web:
        await web.post(PATH, json={"contents": ["a"]})
        found = []
        for _ in range(4):
            found.append((await web.get("/health")).status_code)
            await asyncio.sleep(0.05)  # for the probe that asking has started
    await batcher.aclose()
    assert found == [503, 503, 200, 200]


async def test_health_says_which_languages_are_read_if_that_is_known() -> None:
    scorer = Listening()
    scorer.languages = frozenset({"en", "de"})
    assert (await asked(scorer, "GET", "/health")).json()["languages"] == ["de", "en"]
