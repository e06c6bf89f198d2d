"""Streams on their way out: the ends of choices amended, every other byte as it came."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.api.answer import REFUSAL
from server.api.stream import EventStream
from server.generation.report import PromptFinding, Report
from server.generation.request import GuardedRequest
from server.guard.state import Action
from tests.api.requests import report, request


def chunk(index: int, text: str, finish_reason: str | None = None) -> bytes:
    choice = {"index": index, "delta": {"content": text}, "finish_reason": finish_reason}
    return b"data: " + json.dumps({"choices": [choice]}, separators=(",", ":")).encode() + b"\n\n"


def named(kind: str, **body: Any) -> bytes:
    return f"event: {kind}\ndata: ".encode() + json.dumps({"type": kind, **body}).encode() + b"\n\n"


def passed(asked: GuardedRequest, data: bytes, cuts: list[int] | None = None) -> bytes:
    """What goes on when the data comes in pieces."""
    stream = EventStream(asked)
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts or ()), len(data)]
    pieces = [data[start:end] for start, end in pairwise(edges)]
    return b"".join(stream.feed(piece, last=False) for piece in pieces) + stream.feed(b"", last=True)


def bodies(data: bytes) -> list[Any]:
    return [json.loads(line[6:]) for line in data.decode().splitlines() if line.startswith("data: {")]


USAGE = b'data: {"choices":[],"usage":{"completion_tokens":3}}\n\n'
DONE = b"data: [DONE]\n\n"
TEXTS = st.text(max_size=12) | st.sampled_from(
    [
        '"finish_reason":"stop"',
        "data: x",
        "event: response.completed",
        "event: message_delta",
        "\n\n",
        "\r\n\r\n",
        "[DONE]",
    ]
)


@given(st.lists(TEXTS, max_size=5), st.lists(st.integers(0, 10_000), max_size=8))
def test_however_it_is_cut_the_same_goes_out(texts: list[str], cuts: list[int]) -> None:
    said = b"".join(chunk(0, text) for text in texts) + chunk(0, texts[-1] if texts else "", "stop") + DONE
    asked = request(report("refused"))
    whole = passed(asked, said)
    assert passed(asked, said, cuts) == whole
    written = bodies(whole)
    assert [body["choices"][0]["delta"]["content"] for body in written[:-1]] == texts
    assert written[-1]["choices"][0]["finish_reason"] == "content_filter"
    assert whole.endswith(DONE)


@given(st.lists(TEXTS, max_size=5))
def test_what_ends_nothing_is_not_touched(texts: list[str]) -> None:
    said = b"".join(chunk(0, text) for text in texts) + b'data: {"error":{"message":"x"}}\n\n' + DONE
    assert bodies(passed(request(report()), said)) == bodies(said)


def test_ordinary_chunks_pass_byte_for_byte() -> None:
    said = b'data: {"choices": [{"index": 0,   "text":"a"}]}\n\n: comment\n\n' + DONE
    assert passed(request(report()), said) == said


def test_only_the_chunk_that_ends_a_choice_carries_its_report() -> None:
    said = chunk(1, "a") + chunk(0, "b", "stop") + chunk(1, "", "length")
    asked = request(report("rewound", rewinds=2), report("clean"))
    choices = [body["choices"][0] for body in bodies(passed(asked, said))]
    assert ["detox" in choice for choice in choices] == [False, True, True]
    assert (choices[1]["detox"]["action"], choices[2]["detox"]["action"]) == ("rewound", "clean")
    assert [choice["finish_reason"] for choice in choices] == [None, "stop", "length"]


def test_an_event_waits_for_its_end() -> None:
    stream = EventStream(request(report()))
    said = chunk(0, "a")
    assert stream.feed(said[:-1], last=False) == b""
    assert stream.feed(said[-1:], last=False) == said


def test_what_has_no_end_goes_out_at_the_end() -> None:
    stream = EventStream(request(report()))
    assert stream.feed(b"data: half", last=False) + stream.feed(b"", last=True) == b"data: half"


@pytest.mark.parametrize(
    ("action", "kind", "status"),
    [("clean", "response.completed", "completed"), ("refused", "response.incomplete", "incomplete")],
)
def test_a_response_ends_with_the_event_that_fits(action: Action, kind: str, status: str) -> None:
    said = named("response.completed", response={"object": "response", "status": "completed", "output": []})
    out = passed(request(report(action)), said)
    (body,) = bodies(out)
    assert out.startswith(f"event: {kind}\n".encode()) and body["type"] == kind
    assert (body["response"]["status"], body["response"]["detox"]["action"]) == (status, action)


def test_a_response_that_vllm_calls_incomplete_keeps_its_event() -> None:
    cut = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    out = passed(request(report()), named("response.completed", response=cut))
    assert out.startswith(b"event: response.completed\n") and bodies(out)[0]["response"]["status"] == "incomplete"


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_a_response_that_did_not_come_to_its_end_does_not_end_as_completed(status: str) -> None:
    asked = request()
    asked.scorer_down = "deadline"
    out = passed(asked, named("response.completed", response={"object": "response", "status": status}))
    (body,) = bodies(out)
    assert out.startswith(b"event: response.failed\n") and body["type"] == "response.failed"
    assert body["response"]["status"] == status and ("error" in body["response"]) is (status == "failed")


def test_a_message_that_was_withheld_ends_with_a_refusal() -> None:
    said = named("content_block_start", index=0)
    said += named("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 3})
    _, body = bodies(passed(request(report("truncated")), said))
    assert body["delta"]["stop_reason"] == "refusal" and body["detox"]["action"] == "truncated"


def test_a_stream_without_reports_passes_as_it_came() -> None:
    said = chunk(0, "a", "stop") + named("response.completed", response={"status": "completed"})
    assert bodies(passed(request(), said)) == bodies(said)


def moderated(*reports: Report) -> GuardedRequest:
    asked = request(*reports)
    asked.wants_moderation = True
    return asked


@given(st.lists(st.integers(0, 10_000), max_size=8))
def test_the_last_chunk_says_what_moderation_found_if_that_was_asked_for(cuts: list[int]) -> None:
    said = chunk(0, "data: [DONE]") + chunk(0, "", "stop").replace(b'{"choices', b'{"id":"7","choices') + USAGE + DONE
    out = passed(moderated(report(prompt=PromptFinding(False))), said, cuts)
    assert out.endswith(DONE)
    *others, last = bodies(out)
    assert (last["id"], last["choices"]) == ("7", [])
    assert [last["moderation"][side]["type"] for side in ("input", "output")] == ["moderation_results"] * 2
    assert not any("moderation" in other for other in others) and len(others) == 3


def test_nobody_else_gets_that_chunk_nor_does_a_stream_in_which_no_choice_ended() -> None:
    ended = chunk(0, "", "stop") + DONE
    assert b"moderation" not in passed(request(report()), ended)
    assert passed(moderated(), ended) == passed(request(), ended)
    cut = chunk(0, "a") + b'data: {"error":{"message":"x"}}\n\n' + DONE
    assert passed(moderated(report()), cut) == cut


def test_a_response_that_was_moderated_says_so_in_its_last_event() -> None:
    said = named("response.completed", response={"object": "response", "status": "completed", "output": []})
    (body,) = bodies(passed(moderated(report(prompt=PromptFinding(False))), said))
    assert body["response"]["moderation"]["input"]["type"] == "moderation_result"


@given(st.lists(st.integers(0, 10_000), max_size=8))
def test_a_message_that_was_withheld_whole_has_a_block_that_says_so(cuts: list[int]) -> None:
    said = named("message_start") + named("message_delta", delta={"stop_reason": "end_turn"})
    out = passed(request(report("refused")), said, cuts)
    kinds = ["content_block_start", "content_block_delta", "content_block_stop"]
    assert [body["type"] for body in bodies(out)] == ["message_start", *kinds, "message_delta"]
    assert bodies(out)[2]["delta"] == {"type": "text_delta", "text": REFUSAL}
    assert out.count(b"event: ") == 5


@pytest.mark.parametrize("action", ["refused", "clean"])
def test_a_message_that_has_a_block_or_was_not_withheld_has_no_such_block(action: Action) -> None:
    block = named("content_block_start", index=0) if action == "refused" else b""
    out = passed(request(report(action)), block + named("message_delta", delta={"stop_reason": "end_turn"}))
    assert REFUSAL.encode() not in out
