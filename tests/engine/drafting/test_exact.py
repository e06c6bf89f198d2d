"""Attempts over one request that lives on in vLLM, and what becomes of it when it cannot."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from vllm.logprobs import Logprob
from vllm.outputs import CompletionOutput, RequestOutput
from vllm.sampling_params import SamplingParams

from server.engine.core.changes import Changes, changes_in
from server.engine.drafting import exact
from server.engine.drafting.exact import ExactEngine, rewinds_of
from server.engine.drafting.request import EngineRequest, derived_seed
from server.generation.draft import Attempt, Draft

PROMPT = {"type": "token", "prompt_token_ids": [1, 2, 3]}
FIRST = Attempt(0, (), frozenset())


class Vllm:
    """Draws 10, 11, 12, ... until it is told to end; `rewindable` says whether it still knows its requests."""

    def __init__(self) -> None:
        self.rewindable, self.ends_after = True, 1 << 30
        self.asked: list[tuple[list[int], SamplingParams]] = []
        self.rewinds: list[tuple[str, list[int], dict[str, Any]]] = []
        self.running = 0
        self._drawn: dict[str, int] = {}

    async def generate(
        self, prompt: Any, params: SamplingParams, request_id: str, **options: Any
    ) -> AsyncGenerator[RequestOutput, None]:
        self.asked.append((prompt["prompt_token_ids"], params))
        key = known(params.extra_args).key
        self._drawn[key] = 0
        self.running += 1
        try:
            while True:
                self._drawn[key] += 1
                reason = "stop" if self._drawn[key] >= self.ends_after else None
                logprobs: Any = [{id: Logprob(-1.0) for id in (9 + self._drawn[key], 900)}]
                choice = CompletionOutput(0, "", [9 + self._drawn[key]], None, logprobs, finish_reason=reason)
                yield RequestOutput(request_id, None, PROMPT["prompt_token_ids"], None, [choice], reason is not None)
                if reason:
                    return
                await asyncio.sleep(0)
        finally:
            self.running -= 1

    async def rewind(self, key: str, tokens: Sequence[int], params: dict[str, Any]) -> int | None:
        self.rewinds.append((key, list(tokens), params))
        if not self.rewindable:
            return None
        drawn, self._drawn[key] = self._drawn[key], len(tokens)
        return drawn


def known(extra: Any) -> Changes:
    found = changes_in(extra)
    assert found is not None
    return found


async def some(engine: ExactEngine, attempt: Attempt, count: int) -> list[int]:
    """The first tokens of an attempt, which is then closed."""
    drawn: list[int] = []
    async with aclosing(engine.draft(attempt)) as drafts:
        async for draft in drafts:
            drawn += draft.tokens
            if len(drawn) >= count or draft.finish_reason:
                break
    return drawn


@asynccontextmanager
async def drafting(**params: Any) -> AsyncIterator[tuple[Vllm, ExactEngine]]:
    """An engine over a vLLM in which nothing runs any more at its end."""
    vllm: Any = Vllm()
    wanted = SamplingParams(**{"max_tokens": 50, "temperature": 0.5, "seed": 4, **params})
    engine = ExactEngine(EngineRequest(vllm, PROMPT, wanted, "r", {}, 0.1), vllm.rewind)
    yield vllm, engine
    await engine.aclose()
    assert vllm.running == 0


async def test_a_later_attempt_rewinds_the_request_that_is_there() -> None:
    async with drafting(presence_penalty=1.0) as (vllm, engine):
        kept = (await some(engine, FIRST, 3))[:2]
        drawn = await some(engine, Attempt(1, kept, frozenset({12}), retry=1), 2)
        assert drawn == [12, 13] and len(vllm.asked) == 1  # this vLLM heeds no bans
        ((key, tokens, params),) = vllm.rewinds
        assert key == known(vllm.asked[0][1].extra_args).key and tokens == kept
        assert params["temperature"] == pytest.approx(0.6) and params["seed"] == derived_seed(4, 2, 1)
        assert known(params["extra_args"]).banned == {2: (12,)}
        assert not engine.approximate


async def test_what_an_attempt_changed_is_gone_with_the_next_one() -> None:
    async with drafting() as (vllm, engine):
        kept = tuple(await some(engine, FIRST, 3))
        await some(engine, Attempt(1, kept, frozenset({9}), 1, 0, frozenset({7, 5}), 20, turned_for=8), 1)
        await some(engine, Attempt(2, kept, frozenset()), 1)
        steered, plain = (known(params["extra_args"]) for _, _, params in vllm.rewinds)
        assert (steered.banned, steered.avoided, steered.until, steered.turned) == ({3: (9,)}, (5, 7), 23, 11)
        assert plain.changes_nothing


@pytest.mark.parametrize(
    ("params", "approximate"),
    [
        ({}, False),
        ({"frequency_penalty": 0.5}, True),
        ({"presence_penalty": 0.5}, True),
        ({"bad_words": ["x"]}, True),
        ({"thinking_token_budget": 5}, True),
        ({"min_tokens": 4, "stop": ["x"], "logit_bias": {5: 1.0}, "repetition_penalty": 1.2}, False),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else None,
)
async def test_a_request_that_ended_is_submitted_anew_behind_the_kept_tokens(
    params: dict[str, Any], approximate: bool
) -> None:
    async with drafting(**params) as (vllm, engine):
        vllm.ends_after = 3
        kept = tuple((await some(engine, FIRST, 3))[:2])
        await some(engine, Attempt(1, kept, frozenset({12}), retry=1), 1)
        assert vllm.rewinds == []  # it is known to have ended
        prompt, anew = vllm.asked[1]
        assert prompt == [1, 2, 3, *kept] and anew.max_tokens == 48 and anew.seed == derived_seed(4, 2, 1)
        changes = known(anew.extra_args)
        assert (changes.kept, changes.banned) == (2, {0: (12,)})
        assert engine.approximate is approximate


async def test_so_is_one_that_vllm_no_longer_knows_and_the_old_one_is_aborted() -> None:
    async with drafting() as (vllm, engine):
        kept = tuple(await some(engine, FIRST, 2))
        vllm.rewindable = False
        await some(engine, Attempt(1, kept, frozenset()), 1)
        assert len(vllm.rewinds) == 1 and len(vllm.asked) == 2 and vllm.running == 1
        vllm.rewindable = True
        await some(engine, Attempt(2, kept, frozenset()), 1)
        assert vllm.rewinds[1][0] == known(vllm.asked[1][1].extra_args).key and vllm.rewinds[1][1] == []


async def test_a_request_is_never_rewound_into_its_prompt() -> None:
    async with drafting() as (vllm, engine):
        vllm.ends_after = 4
        kept = tuple(await some(engine, FIRST, 3))
        vllm.rewindable = False
        await some(engine, Attempt(1, kept, frozenset()), 1)  # three tokens of the answer are in its prompt now
        vllm.rewindable = True
        await some(engine, Attempt(2, kept[:1], frozenset()), 1)
        assert len(vllm.rewinds) == 1 and vllm.asked[2][0] == [1, 2, 3, *kept[:1]]


async def test_candidates_are_requests_of_their_own_and_the_winner_lives_on() -> None:
    async with drafting() as (vllm, engine):
        kept = tuple(await some(engine, FIRST, 2))
        racing = [engine.draft(Attempt(1, kept, frozenset(), 1, candidate)) for candidate in range(3)]
        for drafts in racing:
            await anext(drafts)
        assert len(vllm.rewinds) == 1 and len(vllm.asked) == 3 and vllm.running == 3
        await racing[0].aclose()
        await racing[2].aclose()
        assert vllm.running == 1
        await racing[1].aclose()
        await some(engine, Attempt(2, kept, frozenset()), 1)
        assert vllm.rewinds[1][0] == known(vllm.asked[1][1].extra_args).key


async def test_nothing_is_asked_when_the_limit_is_used_up() -> None:
    async with drafting() as (vllm, engine):
        found = [draft async for draft in engine.draft(Attempt(0, tuple(range(50)), frozenset()))]
        assert vllm.asked == []
    assert found == [Draft((), finish_reason="length")]


async def test_one_that_begins_anew_without_kept_tokens_is_exact() -> None:
    async with drafting(presence_penalty=1.0) as (vllm, engine):
        vllm.ends_after = 2
        await some(engine, FIRST, 2)
        await some(engine, Attempt(1, (), frozenset({10}), 1), 1)
        assert len(vllm.asked) == 2 and not engine.approximate


@pytest.mark.parametrize("params", [{"temperature": 0}, {"seed": None}, {"extra_args": {"other": 1, "unsay": "junk"}}])
async def test_what_the_client_asked_for_stays_as_it_is(params: dict[str, Any]) -> None:
    async with drafting(**params) as (vllm, engine):
        kept = tuple(await some(engine, FIRST, 2))
        await some(engine, Attempt(1, kept, frozenset(), 3), 1)
        ((_, _, changed),) = vllm.rewinds
        assert changed["temperature"] == (0 if params == {"temperature": 0} else pytest.approx(0.8))
        assert (changed["seed"] is None) == (params == {"seed": None})
        extra = {name: value for name, value in changed["extra_args"].items() if name != "unsay"}
        assert (
            extra == ({"other": 1} if "extra_args" in params else {}) and known(changed["extra_args"]).changes_nothing
        )


async def test_a_request_that_ends_while_its_rewind_is_asked_for_is_submitted_anew() -> None:
    async with drafting() as (vllm, engine):
        kept = tuple(await some(engine, FIRST, 2))
        vllm.ends_after = 1

        async def ended(*_: Any) -> None:
            for _turn in range(9):
                await asyncio.sleep(0)  # its last output arrives

        engine._rewind = ended
        drawn = await some(engine, Attempt(1, kept, frozenset()), 1)
        assert drawn and len(vllm.asked) == 2 and vllm.asked[1][0] == [1, 2, 3, *kept]


async def test_what_goes_wrong_with_a_rewind_reaches_whoever_drafts_and_nothing_stays() -> None:
    async with drafting() as (_, engine):
        kept = tuple(await some(engine, FIRST, 2))

        async def broken(*_: Any) -> None:
            raise RuntimeError("the engine is dead")

        engine._rewind = broken
        with pytest.raises(RuntimeError, match="dead"):
            await some(engine, Attempt(1, kept, frozenset()), 1)


async def test_banned_alternatives_are_shown_at_no_attempt() -> None:
    async with drafting() as (_, engine):
        kept = tuple(await some(engine, FIRST, 1))
        async with aclosing(engine.draft(Attempt(1, kept, frozenset({900})))) as drafts:
            entries = [entry for _ in range(2) for entry in (await anext(drafts)).logprobs or ()]
        assert 900 not in entries[0] and 900 in entries[1]


@pytest.mark.parametrize(("answers", "drawn"), [([None, 7, None], 7), ([None, None], None), ([0], 0)])
async def test_of_several_engine_cores_the_one_that_has_the_request_answers(
    answers: list[Any], drawn: int | None
) -> None:
    asked: list[Any] = []

    async def call(*args: Any) -> list[Any]:
        asked.append(args)
        return answers

    client = SimpleNamespace(engine_core=SimpleNamespace(call_utility_all_async=call))
    assert await rewinds_of(client)("key", (1, 2), {"seed": 1}) == drawn
    assert asked == [("unsay_rewind", "key", [1, 2], {"seed": 1})]


class DyingEngine:
    """An engine that dies while it is asked for a rewind: like vLLM's, it never answers."""

    errored = False
    dead_error = RuntimeError("dead")

    @property
    def engine_core(self) -> "DyingEngine":
        return self

    async def call_utility_all_async(self, name: str, *args: object) -> list[object]:
        self.errored = True
        await asyncio.Event().wait()
        return []


async def test_a_rewind_does_not_wait_for_an_engine_that_has_died(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact, "_LOOK_SECONDS", 0.001)
    with pytest.raises(RuntimeError, match="dead"):
        await asyncio.wait_for(rewinds_of(DyingEngine())("key", [1], {}), 5)
