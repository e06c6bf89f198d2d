"""What a client that asked for a trace is told of a choice, in order, and in how many words."""

import asyncio
import json
from typing import Any

import pytest

from server.generation.trace import ChoiceTrace, Trace, untraced
from server.guard.commands import Score
from server.guard.events import TokenSpan
from tests.generation.stage import policy, staged, text_of

RUDE, POLITE = "he is an idiot of a man and so on", "he is an old and kind man and so on"


def named(events: list[dict[str, Any]], *names: str) -> list[dict[str, Any]]:
    return [event for event in events if event["event"] in names]


def test_an_event_says_when_and_of_which_choice() -> None:
    at = [10.0]
    trace = Trace(now=lambda: at[0])
    at[0] = 10.25
    ChoiceTrace(trace, 2, lambda start, end: ["?"] * (end - start)).drafted(3)
    assert trace.take() == [{"event": "drafted", "choice": 2, "at": 0.25, "from": 0, "to": 3}]
    assert trace.take() == []


def test_a_choice_ends_once_and_others_go_on() -> None:
    trace = Trace()
    first, second = (ChoiceTrace(trace, choice, lambda start, end: []) for choice in (0, 1))
    trace.end(0, {"action": "clean"})
    first.wasted(3)
    trace.end(0, {"action": "rewound"})
    second.wasted(4)
    told = [(event["event"], event["choice"]) for event in trace.take()]
    assert told == [("end", 0), ("waste", 1)]


async def test_who_waits_is_woken_by_the_next_event_alone() -> None:
    trace = Trace()
    trace.tell(0, "waste", {"tokens": 1})
    await trace.told()
    trace.take()
    waiting = asyncio.ensure_future(trace.told())
    await asyncio.sleep(0)
    assert not waiting.done()
    trace.tell(0, "waste", {"tokens": 1})
    await waiting


def test_without_a_trace_nobody_is_told() -> None:
    quiet = untraced()
    quiet.drafted(3)
    quiet.scored(Score(0, TokenSpan(0, 3)), "cleared", {"insult": 0.1})
    quiet.flagged(Score(0, TokenSpan(0, 3)), 1)
    quiet.rewound("ban", 1)
    quiet.inserted("mask", 1, 2)
    quiet.released(2, 0.1)
    quiet.cleared(2)


async def test_a_rewind_is_told_in_the_order_in_which_it_happens() -> None:
    trace = Trace()
    async with staged(RUDE, POLITE, trace=trace, in_step=True) as stage:
        pieces = await stage.play()
    events = trace.take()
    (flagged,), (rewind,), (waste,) = (named(events, name) for name in ("flagged", "rewind", "waste"))
    order = [event["event"] for event in events]
    assert order.index("flagged") < order.index("rewind") < order.index("waste")
    assert rewind["to"] == flagged["onset"] and rewind["rung"] == "ban"
    assert waste["tokens"] == rewind["from"] - rewind["to"] == stage.observer.counts["discarded"]
    judged = {event["verdict"]: event for event in named(events, "scored")}
    assert judged["flagged"]["exceeded"] == ["toxicity"] and judged["flagged"]["scores"] == {"toxicity": 0.9}
    assert judged["flagged"]["attempt"] == 0 and judged["cleared"]["attempt"] == 1
    released = named(events, "released")
    assert [event["from"] for event in released] == [0, *(event["to"] for event in released[:-1])]
    assert sum(sum(event["characters"]) for event in released) == len(text_of(pieces))
    assert [event["held"] for event in released if "held" in event] == [
        round(seconds, 4) for seconds in stage.observer.times["held"]
    ]


@pytest.mark.parametrize("texts", [False, True])
async def test_text_is_told_to_who_may_read_what_is_flagged_and_to_nobody_else(texts: bool) -> None:
    trace = Trace(texts=texts)
    async with staged(RUDE, POLITE, trace=trace) as stage:
        assert text_of(await stage.play()) == POLITE
    said = json.dumps(events := trace.take())
    if not texts:
        assert not any(word in said for word in ("idiot", "idio", "old", "kind"))
        return
    words = "".join(text for event in named(events, "drafted") for text in event["texts"])
    assert words.startswith(RUDE[: words.index("idiot") + 5]) and POLITE.endswith(words[-9:])


async def test_a_mask_stands_where_the_span_was() -> None:
    trace = Trace(texts=True)
    masking = policy(on_exhausted="mask", mask_text="[gone]", max_rewinds=0)
    async with staged(RUDE, policy=masking, trace=trace, in_step=True) as stage:
        assert "[gone]" in text_of(await stage.play())
    (inserted,) = named(trace.take(), "inserted")
    assert inserted["what"] == "mask" and "".join(inserted["texts"]).strip() == "[gone]"
    assert inserted["to"] - inserted["from"] == len(inserted["texts"])


async def test_a_window_without_a_verdict_says_why() -> None:
    trace = Trace()
    async with staged(POLITE, trace=trace, policy=policy(on_scorer_failure="open")) as stage:
        stage.scorer.fail(1)
        await stage.play()
    (failed,) = [event for event in named(trace.take(), "scored") if event["verdict"] == "failed"]
    assert failed["reason"] == "error" and failed["scores"] == {}
