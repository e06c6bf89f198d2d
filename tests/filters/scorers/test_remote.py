"""A detector in another process, as far as one needs no process. tests/test_detector.py has the real thing."""

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from filters.scorer import Reason, ScorerLoadError, ScorerUnavailable
from filters.scorers import remote
from filters.scorers.address import Address
from filters.scorers.remote import RemoteScorer

SECRET = "a private text"
Answer = httpx.Response | Exception


def transport(answer: Callable[[httpx.Request], Answer]) -> httpx.MockTransport:
    """A detector that answers so."""

    def handle(request: httpx.Request) -> httpx.Response:
        given = answer(request)
        if isinstance(given, Exception):
            raise given
        if given.is_stream_consumed:  # as it is made; over a network it would have been read by nobody
            return httpx.Response(given.status_code, headers=given.headers, stream=httpx.ByteStream(given.content))
        return given

    return httpx.MockTransport(handle)


def scorer_of(answer: Callable[[httpx.Request], Answer], url: str = "http://hap", **options: Any) -> RemoteScorer:
    return RemoteScorer(Address.read(url), transport=transport(answer), **options)


def loaded(health: httpx.Response, contents: Answer, url: str = "http://hap") -> RemoteScorer:
    """From a detector that says this of its health and of any text."""
    return RemoteScorer.load(url, transport=transport(lambda asked: health if asked.method == "GET" else contents))


def detected(score: float, kind: str = "LABEL_1") -> dict[str, Any]:
    return {"start": 0, "end": 1, "text": "x", "detection": "d", "detection_type": kind, "score": score}


def test_it_is_asked_in_the_detectors_api() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json=[[detected(0.7)], []])

    scorer = scorer_of(answer, "http://hap:1/x#detector-id=hap-38m")
    assert scorer.score(["one", "two \ud83d"]) == [{"toxicity": 0.7}, {"toxicity": 0.0}]
    (request,) = asked
    assert (request.method, str(request.url)) == ("POST", "http://hap:1/x/api/v1/text/contents")
    assert request.headers["detector-id"] == "hap-38m" and request.headers["content-type"] == "application/json"
    assert json.loads(request.content) == {"contents": ["one", "two \ufffd"], "detector_params": {"threshold": 0}}
    assert (scorer.name, scorer.categories) == ("remote:hap-38m", ("toxicity",))


def test_without_texts_it_is_not_asked() -> None:
    assert scorer_of(lambda request: AssertionError()).score([]) == []


def test_thresholds_are_told_to_nobody_else() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert json.loads(request.content)["detector_params"] == {"threshold": 0}
        return httpx.Response(200, json=[[]])

    assert scorer_of(answer).bounds(["a"], [{"toxicity": 0.2}]) == [{"toxicity": 0.0}]


BAD: list[tuple[Answer, Reason, str]] = [
    (httpx.Response(200, text=f"<html>{SECRET}</html>"), "error", "expected JSON"),
    (httpx.Response(200, json=[]), "error", "expected a list of 1 lists"),
    (httpx.Response(200, json=[[], []]), "error", "expected a list of 1 lists"),
    (httpx.Response(200, text=f'[[{{"detection_type": "{SECRET}", "score": NaN}}]]'), "error", "expected JSON"),
    (httpx.Response(200, json=[[detected(1.5, SECRET)]]), "error", "from 0 to 1"),
    (httpx.Response(200, content=b"[" + b" " * remote.MOST_BYTES + b"[]]"), "error", "more than"),
    (httpx.Response(302, headers={"location": "http://hap/elsewhere"}), "error", "answered 302"),
    (httpx.Response(201, json=[[]]), "error", "answered 201"),
    (httpx.Response(422, json={"code": 422, "message": SECRET}), "error", "answered 422"),
    (httpx.Response(500, text=SECRET), "error", "answered 500"),
    (httpx.Response(429), "overloaded", "answered 429"),
    (httpx.Response(503), "overloaded", "answered 503"),
    (httpx.Response(504), "deadline", "answered 504"),
    (httpx.ReadTimeout(SECRET), "deadline", "no answer in time"),
    (httpx.ConnectTimeout(SECRET), "deadline", "no answer in time"),
    (httpx.ConnectError(SECRET), "error", "no answer (ConnectError)"),
    (httpx.RemoteProtocolError(SECRET), "error", "no answer (RemoteProtocolError)"),
]


@pytest.mark.parametrize(("answer", "reason", "logged"), BAD)
def test_what_is_no_sound_answer_is_no_score_with_a_reason_and_without_text(
    answer: Answer, reason: Reason, logged: str, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[httpx.Request] = []

    def counting(request: httpx.Request) -> Answer:
        asked.append(request)
        return answer

    with caplog.at_level(logging.DEBUG, "filters"), pytest.raises(ScorerUnavailable) as caught:
        scorer_of(counting).score([SECRET])
    assert caught.value.reason == reason and len(asked) == 1, "neither followed nor tried again"
    assert logged in caplog.text and SECRET not in caplog.text + str(caught.value)


def test_an_answer_that_trickles_is_left_at_the_deadline() -> None:
    now = [0.0]

    class Drops(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            for _ in range(1000):
                now[0] += 1.0
                yield b" "

    scorer = scorer_of(lambda request: httpx.Response(200, stream=Drops()), deadline_seconds=5, clock=lambda: now[0])
    with pytest.raises(ScorerUnavailable) as caught:
        scorer.score(["a"])
    assert caught.value.reason == "deadline" and now[0] <= 7


def test_one_that_is_not_there_ends_the_start_with_a_remedy() -> None:
    with pytest.raises(ScorerLoadError) as caught:
        RemoteScorer.load("http://127.0.0.1:9#LABEL_1=toxicity", deadline_seconds=2)
    assert str(caught.value) == (
        "scorer remote:http://127.0.0.1:9: no answer (ConnectError); is it running, and is the address right?"
        " (`unsay scorer` serves one)"
    )


NOTHING = httpx.Response(200, json=[[]])
OURS = {"status": "ok", "scorer": "detoxify:x", "categories": ["toxicity", "threat"]}


@pytest.mark.parametrize(
    "health",
    [
        httpx.Response(200, json="ok"),
        httpx.Response(200, text="OK"),
        httpx.Response(200, json={**OURS, "categories": []}),
        httpx.Response(200, json={**OURS, "categories": "all"}),
        httpx.Response(200, json={**OURS, "scorer": None}),
    ],
)
def test_any_detector_that_is_well_will_do(health: httpx.Response) -> None:
    scorer = loaded(health, NOTHING)
    assert (scorer.name, scorer.categories, scorer.ready()) == ("remote", ("toxicity",), True)


def test_ours_says_which_categories_it_has_unless_the_operator_maps_them() -> None:
    health = httpx.Response(200, json=OURS)
    assert loaded(health, NOTHING).categories == ("toxicity", "threat")
    mapped = loaded(health, NOTHING, "http://hap#threat=violence")
    assert (mapped.name, mapped.categories) == ("remote:detoxify:x", ("violence",))


@pytest.mark.parametrize(("url", "least"), [("http://hap", [{"threat": 0.2}]), ("http://hap#threat=violence", None)])
def test_only_ours_is_told_thresholds_and_only_by_its_own_names(url: str, least: object) -> None:
    told: list[object] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json=OURS)
        told.append(json.loads(request.content)["detector_params"].get("least"))
        return NOTHING

    scorer = RemoteScorer.load(url, transport=transport(answer))
    scorer.bounds(["a"], [dict.fromkeys(scorer.categories[-1:], 0.2)])
    scorer.bounds(["a"], [{}])
    assert told == [None, least, None]


@pytest.mark.parametrize(
    ("health", "contents", "said"),
    [
        (httpx.Response(404), NOTHING, "GET /health answered 404; is it running"),
        (httpx.Response(503, json=OURS), NOTHING, "GET /health answered 503; is it running"),
        (httpx.Response(200, text=" " * 70_000), NOTHING, "answered with more than 65536 bytes"),
        (httpx.Response(200), httpx.Response(404), "POST /api/v1/text/contents answered 404; is it running"),
        (httpx.Response(200), httpx.Response(200, json={}), "answers otherwise than the detectors API"),
    ],
)
def test_one_that_is_no_detector_ends_the_start(health: httpx.Response, contents: Answer, said: str) -> None:
    with pytest.raises(ScorerLoadError, match=f"scorer remote:http://hap: {said}"):
        loaded(health, contents)


def test_its_health_is_what_its_route_says() -> None:
    states = iter([200, 503])
    scorer = scorer_of(lambda request: httpx.Response(next(states)))
    assert scorer._is_well()
    with pytest.raises(Exception, match="answered 503"):  # which filters/scorers/health.py takes for no
        scorer._is_well()


def test_ours_says_which_languages_it_reads() -> None:
    assert loaded(httpx.Response(200, json=OURS), NOTHING).languages is None
    said = httpx.Response(200, json={**OURS, "languages": ["de", "en"]})
    assert loaded(said, NOTHING).languages == frozenset({"de", "en"})
    assert loaded(httpx.Response(200, json={**OURS, "languages": "en"}), NOTHING).languages is None
