"""Promise 4 against the real engine: after a rewind everything is as if the dropped tokens had never been drawn."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from vllm.sampling_params import SamplingParams

from tests.journeys.test_failures import until
from tests.live.counts import vllm_counts
from tests.live.rewinding import Written, rewound, undisturbed
from tests.live.servers import Servers

TEXTS = ("I need a restaurant in", "The history of the town", "Is there a train to", "Good morning, I would like")
CLOSE = 1e-4
"""What the composition of a batch changes in a logprob on a CPU."""


def prompts(servers: Servers, count: int) -> list[list[int]]:
    encode = servers.tokenizer.encode
    return [list(encode(f"{TEXTS[at % 4]} {at}", add_special_tokens=False)) for at in range(count)]


def side_by_side(
    servers: Servers, params: SamplingParams, count: int, rewinds: int, asked: Sequence[list[int]] = ()
) -> list[tuple[Written, Written]]:
    """Requests with rewinds, all at once, and for each its undisturbed answer."""

    async def scenario() -> list[tuple[Written, Written]]:
        texts = asked or prompts(servers, count)
        with_rewinds = [rewound(servers.engine, tokens, params, at, rewinds) for at, tokens in enumerate(texts)]
        answers = await asyncio.gather(*with_rewinds)
        pairs = zip(texts, answers, strict=True)
        plain = [undisturbed(servers.engine, tokens, params, answer.banned) for tokens, answer in pairs]
        return list(zip(answers, await asyncio.gather(*plain), strict=True))

    return servers.run(scenario())


def greedy(**more: Any) -> SamplingParams:
    return SamplingParams(**{"temperature": 0, "max_tokens": 60, "ignore_eos": True, "logprobs": 1, **more})


def check_same(pairs: Sequence[tuple[Written, Written]]) -> None:
    for answer, plain in pairs:
        assert answer.tokens == plain.tokens and answer.reason == plain.reason
        assert answer.logprobs == pytest.approx(plain.logprobs, abs=CLOSE)
        assert not answer.approximate and len(answer.within) == answer.rewinds


def common_tokens(servers: Servers, count: int) -> list[int]:
    """The tokens that the model writes most often behind the prompts of these tests."""
    written = [plain.tokens for _, plain in side_by_side(servers, greedy(), 8, 0)]
    drawn = [token for tokens in written for token in tokens]
    return sorted(set(drawn), key=lambda token: (-drawn.count(token), token))[:count]


def test_concurrent_requests_with_rewinds_are_those_without(servers: Servers) -> None:
    pairs = side_by_side(servers, greedy(), 64, 5)
    check_same(pairs)
    assert sum(answer.rewinds for answer, _ in pairs) >= 200


@pytest.mark.parametrize(
    "wish",
    [{"presence_penalty": 1.5}, {"frequency_penalty": 0.8}, {"repetition_penalty": 1.3}],
    ids=lambda wish: next(iter(wish)),
)
def test_penalties_count_what_stands_and_nothing_that_was_dropped(servers: Servers, wish: dict[str, float]) -> None:
    pairs = side_by_side(servers, greedy(max_tokens=40, **wish), 16, 4)
    check_same(pairs)
    unpunished = side_by_side(servers, greedy(max_tokens=40), 16, 0)
    assert [plain.tokens for _, plain in pairs] != [plain.tokens for _, plain in unpunished], "no penalty was felt"


def test_the_least_length_counts_what_stands(servers: Servers) -> None:
    stops = common_tokens(servers, 6)
    params = greedy(min_tokens=25, max_tokens=60, stop_token_ids=stops)
    pairs = side_by_side(servers, params, 16, 4)
    check_same(pairs)
    assert all(len(answer.tokens) > 25 for answer, _ in pairs)
    assert any(answer.reason == "stop" for answer, _ in pairs)


def test_bad_words_are_seen_across_a_rewind(servers: Servers) -> None:
    """Of a bad word of two tokens the second one is barred where the first one stands."""
    plain = side_by_side(servers, greedy(max_tokens=40), 16, 0)
    decode = servers.tokenizer.decode
    words = sorted({decode(answer.tokens[at : at + 2]).strip() for answer, _ in plain for at in (5, 11, 17)})
    pairs = side_by_side(servers, greedy(max_tokens=40, bad_words=[word for word in words if word]), 16, 4)
    check_same(pairs)
    assert [answer.tokens for _, answer in pairs] != [answer.tokens for _, answer in plain]


def test_logit_biases_stay(servers: Servers) -> None:
    liked = common_tokens(servers, 8)
    bias = {token: 3.0 if at % 2 else -100.0 for at, token in enumerate(liked)}
    pairs = side_by_side(servers, greedy(max_tokens=40, logit_bias=bias), 16, 4)
    check_same(pairs)
    assert all(bias.get(token, 0) > -100 for answer, _ in pairs for token in answer.tokens)


def test_the_prefix_cache_holds_nothing_wrong(servers: Servers) -> None:
    """Whoever shares the text as it stands, or as it stood, reads on as if nothing had been there before."""
    params = greedy(max_tokens=200)

    async def scenario() -> tuple[list[Written], list[Written], int]:
        asked = prompts(servers, 6)
        answers = await asyncio.gather(
            *(rewound(servers.engine, each, params, at, 24) for at, each in enumerate(asked))
        )
        texts = [ids + tokens for ids, answer in zip(asked, answers, strict=True) for tokens in stands(answer)]
        cached = [await undisturbed(servers.engine, text, greedy(max_tokens=6), {}) for text in texts]
        assert await servers.engine.reset_prefix_cache()
        fresh = [await undisturbed(servers.engine, text, greedy(max_tokens=6), {}) for text in texts]
        return cached, fresh, max(len(text) for text in texts)

    cached, fresh, longest = servers.run(scenario())
    assert longest > servers.engine.vllm_config.cache_config.block_size
    for ours, plain in zip(cached, fresh, strict=True):
        assert ours.tokens == plain.tokens
        assert ours.logprobs == pytest.approx(plain.logprobs, abs=CLOSE)


def stands(answer: Written) -> list[list[int]]:
    """The text as it stands, and as it stood before the last rewinds."""
    return [answer.tokens, *answer.dropped[-3:]]


def test_abort_in_the_middle_of_a_rewind_leaves_nothing_behind(servers: Servers) -> None:

    async def scenario() -> list[Written | BaseException]:
        asked = enumerate(prompts(servers, 48))
        leavers = [rewound(servers.engine, each, greedy(), at, 8, leaves_at=at % 4) for at, each in asked]
        return await asyncio.gather(*leavers, return_exceptions=True)

    assert all(isinstance(left, asyncio.CancelledError) for left in servers.run(scenario()))
    until(lambda: servers.in_flight() == 0)
    assert pool_is_whole(servers)


def pool_is_whole(servers: Servers) -> bool:
    """Whether every block of the engine's cache is free: only then vLLM forgets what it has cached."""
    return servers.forget_prefixes()


def test_short_memory_changes_nothing(servers: Servers) -> None:
    """More long requests at once than the cache holds: vLLM puts some off, and takes them up again."""
    before = preemptions(servers)
    block = servers.engine.vllm_config.cache_config.block_size
    asked = [(text * block)[: 2 * block - 8] for text in prompts(servers, 64)]  # a third block after 8 tokens
    check_same(side_by_side(servers, greedy(max_tokens=24), 64, 2, asked))
    assert preemptions(servers) > before
    assert pool_is_whole(servers)


def preemptions(servers: Servers) -> float:
    return vllm_counts(servers)["vllm:num_preemptions_total"]
