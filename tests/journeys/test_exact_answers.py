"""Rewinds within vLLM as a client sees them: structured answers, stop strings, seeds, counts."""

import asyncio
import json
import logging
from typing import Any

import httpx
import pytest
from vllm.sampling_params import SamplingParams

from tests.journeys.test_exact_rewinding import TEXTS, pool_is_whole, prompts
from tests.journeys.test_failures import busy, leave, quiet, until
from tests.live.answers import Told, told
from tests.live.counts import vllm_counts
from tests.live.rewinding import rewound
from tests.live.servers import Servers
from tests.live.soak import FLAGGED, soak
from tests.live.wire import JSON, PATHS, asking, events, folded, post

log = logging.getLogger(__name__)

STREAMED = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
LINE = {"type": "string", "maxLength": 24}
FIELDS = {"name": LINE, "why": LINE, "size": {"type": "integer", "maximum": 999, "minimum": 0}}
SCHEMA = {"type": "object", "properties": FIELDS, "required": list(FIELDS), "additionalProperties": False}
# Without `strict` the grammar lets the arguments be anything.
TOOL = {"type": "function", "function": {"name": "note", "parameters": SCHEMA, "strict": True}}
WISHES: dict[str, JSON] = {
    "json": {"response_format": {"type": "json_schema", "json_schema": {"name": "note", "schema": SCHEMA}}},
    "tool": {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "note"}}},
}
ANSWERS = 60


async def all_of(servers: Servers, bodies: list[JSON], route: str = "chat") -> list[httpx.Response]:
    """The answers to many requests at once."""
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=servers.guarded, timeout=110, limits=limits) as web:
        return await asyncio.gather(*(web.post(PATHS[route], json=body) for body in bodies))


@pytest.mark.parametrize("kind", WISHES)
async def test_structured_answers_are_whole_or_withheld(servers: Servers, kind: str) -> None:
    """What is flagged in mid-stream is rewound there: nothing restarts, and the grammar goes on behind what left."""
    bodies = [structured(servers, kind, at) for at in range(ANSWERS)]
    with servers.scorer.flagging("th", "an"):
        choices = [choice_of(answer) for answer in await all_of(servers, bodies)]
    whole = [choice for choice in choices if choice["finish_reason"] in ("stop", "tool_calls")]
    log.info("%s: %d whole of %d, %d rewinds", kind, len(whole), len(choices), rewinds(choices))
    assert all(choice["finish_reason"] == "content_filter" for choice in choices if choice not in whole)
    for choice in whole:
        written = json.loads(said(choice))
        assert set(written) == set(FIELDS) and isinstance(written["size"], int)
        assert "th" not in f"{written['name']} {written['why']}" and "an" not in written["why"]
    assert sum(choice["detox"]["rewinds"] > 0 for choice in whole) > ANSWERS / 3
    assert not any("restart" in choice["detox"]["strategies"] for choice in choices)
    assert not any(choice["detox"].get("approximate") for choice in choices)


def structured(servers: Servers, kind: str, number: int) -> JSON:
    """A request for an answer of three fields. Tokens of white space alone are barred: it likes them too well."""
    decode = servers.tokenizer.decode
    blank = {str(at): -100 for at in range(len(servers.tokenizer)) if not decode([at]).strip()}
    more: JSON = {"temperature": 1, "logit_bias": blank, "stream": True, "detox": {"policy": "patient"}}
    return asking("chat", servers.model, TEXTS[number % 4], tokens=250, seed=number, **more, **WISHES[kind])


def rewinds(choices: list[JSON]) -> int:
    return sum(choice["detox"]["rewinds"] for choice in choices)


def choice_of(answer: httpx.Response) -> JSON:
    assert answer.status_code == 200, answer.text
    (choice,) = folded(events(answer.text))["choices"].values()
    found: JSON = choice
    return found


def said(choice: JSON) -> str:
    """The content, or the arguments of the tool that is called."""
    calls = choice["delta"].get("tool_calls") or []
    return "".join(call["function"]["arguments"] for call in calls) or choice["delta"].get("content") or ""


def greedy(servers: Servers, prompt: str, **more: Any) -> JSON:
    body = asking("completions", servers.model, prompt, tokens=48, temperature=0, ignore_eos=True, **more)
    return body | {"seed": 1, "detox": {"policy": "patient"}}


@STREAMED
@pytest.mark.parametrize("prompt", TEXTS)
def test_a_stop_string_that_straddles_a_rewind_ends_the_text(servers: Servers, prompt: str, stream: bool) -> None:
    """It begins in what was kept and ends in what came anew."""
    with servers.scorer.flagging():
        clean = one(servers, greedy(servers, prompt)).texts[0]
    word = max(clean.lower().split(), key=lambda each: (len(each.strip(".,")), each)).strip(".,")
    with servers.scorer.flagging(word):
        mended = one(servers, greedy(servers, prompt)).texts[0]
        turn = next(at for at, (old, new) in enumerate(zip(clean, mended, strict=False)) if old != new)
        stop = mended[max(0, turn - 6) : turn + 3]
        ended = one(servers, greedy(servers, prompt, stop=[stop], stream=stream))
    assert ended.endings == ["stop"] and ended.actions == ["rewound"]
    assert ended.texts[0] == mended[: mended.index(stop)]


def one(servers: Servers, body: JSON) -> Told:
    more = {"stream_options": {"include_usage": True}} if body.get("stream") else {}
    return told("completions", post(servers.guarded, "completions", body | more))


@pytest.mark.parametrize("more", [{}, {"logprobs": 1, "top_p": 0.9}], ids=["text", "logprobs"])
async def test_a_seeded_flagged_answer_is_the_same_alone_and_in_a_crowd(servers: Servers, more: JSON) -> None:
    asked: JSON = {"seed": 5, "temperature": 1, "detox": {"policy": "patient"}, **more}
    bodies = [asking("completions", servers.model, text, tokens=60, **asked) for text in TEXTS]
    with servers.scorer.flagging("of", "on", seconds=0.01):
        alone = [one(servers, body) for body in bodies]
        crowd = [told("completions", answer) for answer in await all_of(servers, bodies * 8, "completions")]
    assert [answer.texts for answer in crowd] == [answer.texts for answer in alone] * 8
    assert [answer.reports[0]["rewinds"] for answer in crowd] == [answer.reports[0]["rewinds"] for answer in alone] * 8
    assert sum(answer.reports[0]["rewinds"] for answer in alone) > 3


def test_vllm_counts_one_request_and_every_token_that_it_drew(servers: Servers) -> None:
    (prompt,) = prompts(servers, 1)
    params = SamplingParams(temperature=0, max_tokens=60, ignore_eos=True)
    until(lambda: quiet(servers))
    before = vllm_counts(servers)
    answer = servers.run(rewound(servers.engine, prompt, params, seed=1, rewinds=5))
    until(lambda: quiet(servers))
    after = vllm_counts(servers)
    grown = {name: after[name] - before.get(name, 0) for name in after}
    drawn = sum(upto - kept for upto, kept in zip([*answer.within, 60], [0, *answer.kept], strict=True))
    assert answer.rewinds == 5 and drawn > 60
    assert grown["vllm:request_success_total"] == grown["vllm:request_success_total:length"] == 1
    assert grown["vllm:prompt_tokens_total"] == len(prompt)
    assert grown["vllm:generation_tokens_total"] == drawn
    assert grown["vllm:num_preemptions_total"] == 0


async def test_a_soak_with_random_leavers_leaves_nothing_behind(servers: Servers) -> None:
    with servers.scorer.flagging(*FLAGGED):
        ended = await soak(servers.guarded, servers.model, 300)
        until(lambda: quiet(servers))
    log.info("%s", ended)
    assert ended.answered + ended.left == 300
    assert ended.left > 60 and ended.rewinds > 300
    assert pool_is_whole(servers)


@STREAMED
async def test_a_client_that_leaves_while_text_is_rewound_takes_everything_with_it(
    servers: Servers, stream: bool
) -> None:
    body = asking("completions", servers.model, TEXTS[0], tokens=900, stream=stream, ignore_eos=True)
    with servers.scorer.flagging(*"etaoin"):
        amid = lambda: len(servers.scorer.texts) > 40 and busy(servers)  # noqa: E731
        await leave(servers.guarded + PATHS["completions"], body | {"detox": {"policy": "patient"}}, amid)
        until(lambda: quiet(servers))
    assert pool_is_whole(servers)
