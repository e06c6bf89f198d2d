"""The scripted twin of vLLM's engine client honours what vLLM's engine honours."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import pytest
from vllm.engine.arg_utils import AsyncEngineArgs
from vllm.outputs import RequestOutput
from vllm.sampling_params import RequestOutputKind, SamplingParams, StructuredOutputsParams

from server.engine.core.changes import Changes
from server.engine.scripted_client import ScriptedClient
from server.settings import BUNDLED_MODEL

PROMPT = {"type": "token", "prompt_token_ids": [400, 401, 402]}
WRITTEN = (500, 501, 502, 503, 504, 505)


def script(prompt: Sequence[int], drawn: Sequence[int], seed: int | None) -> Sequence[int]:
    at = len(drawn)
    return (WRITTEN[at], 600 + at) if at < len(WRITTEN) else (client().end, 700)


@lru_cache(maxsize=1)
def client() -> ScriptedClient:
    args = AsyncEngineArgs(model=str(BUNDLED_MODEL), dtype="float32", enforce_eager=True, kv_cache_memory_bytes=1 << 26)
    return ScriptedClient(args.create_engine_config(), script)


async def outputs(prompt: Any = PROMPT, size: int = 1, **params: Any) -> list[RequestOutput]:
    client().sizes = lambda: size
    asked = SamplingParams(output_kind=RequestOutputKind.DELTA, **{"max_tokens": 20, **params})
    made = [output async for output in client().generate(prompt, asked, "r")]
    assert client().running == 0
    return made


def tokens(made: list[RequestOutput]) -> list[int]:
    return [token for output in made for token in output.outputs[0].token_ids]


def ending(made: list[RequestOutput]) -> tuple[str | None, Any]:
    assert [output.finished for output in made] == [False] * (len(made) - 1) + [True]
    return made[-1].outputs[0].finish_reason, made[-1].outputs[0].stop_reason


@pytest.mark.parametrize("size", [1, 3, 100])
async def test_it_writes_its_script_to_the_end_token(size: int) -> None:
    made = await outputs(size=size)
    assert tokens(made) == [*WRITTEN, client().end] and ending(made) == ("stop", None)
    assert len(made) == -(-7 // size)


@pytest.mark.parametrize(
    ("params", "drawn", "end"),
    [
        ({"max_tokens": 2}, [500, 501], ("length", None)),
        ({"stop_token_ids": [502]}, [500, 501, 502], ("stop", 502)),
        ({"stop_token_ids": [500], "min_tokens": 2}, [600, 501, 502, 503, 504, 505, 0], ("stop", None)),
        ({"logit_bias": {501: -100, 900: 100}, "max_tokens": 2}, [900, 900], ("length", None)),
        ({"logit_bias": {501: -100}, "max_tokens": 2}, [500, 601], ("length", None)),
        ({"allowed_token_ids": [500, 601], "max_tokens": 3}, [500, 601, 500], ("length", None)),
        ({"ignore_eos": True, "max_tokens": 8}, [*WRITTEN, 0, 0], ("length", None)),
        ({"extra_args": Changes("", banned={1: [501]}).put_into(None), "max_tokens": 2}, [500, 601], ("length", None)),
        ({"extra_args": Changes("", avoided=[500], until=1).put_into(None), "max_tokens": 1}, [600], ("length", None)),
    ],
)
async def test_it_draws_as_it_is_asked(params: dict[str, Any], drawn: list[int], end: tuple[str, Any]) -> None:
    made = await outputs(**params)
    assert tokens(made) == [client().end if token == 0 else token for token in drawn] and ending(made) == end


async def test_a_bad_word_is_never_completed() -> None:
    asked = SamplingParams(bad_words=["blickmoth"])
    asked.update_from_tokenizer(client().renderer.tokenizer)
    word = (asked.bad_words_token_ids or [[]])[0]
    assert len(word) > 2
    client().script = lambda prompt, drawn, seed: (word[len(drawn)], 600 + len(drawn))
    try:
        assert tokens(await outputs(bad_words=["blickmoth"], max_tokens=len(word))) == [*word[:-1], 599 + len(word)]
    finally:
        client().script = script


async def test_what_the_prompt_keeps_is_not_written_again() -> None:
    kept = {"type": "token", "prompt_token_ids": [400, 401, 402, 500, 501]}
    assert tokens(await outputs(kept, extra_args=Changes("k", kept=2).put_into(None)))[:2] == [502, 503]


async def test_a_choice_is_spelled_token_by_token() -> None:
    made = await outputs(structured_outputs=StructuredOutputsParams(choice=["the old town", "x"]))
    assert client().renderer.tokenizer.decode(tokens(made), skip_special_tokens=True) == "the old town"


async def test_logprobs_have_the_drawn_token_first_and_those_asked_for() -> None:
    (first, *_) = await outputs(logprobs=2, prompt_logprobs=1)
    entry = (first.outputs[0].logprobs or [{}])[0]
    assert [(token, value.rank) for token, value in entry.items()] == [(500, 1), (600, 2)]
    assert entry[500].decoded_token == client().renderer.tokenizer.decode([500])
    assert [sorted(each or ()) for each in first.prompt_logprobs or ()] == [[], [401, 500], [402, 500]]


async def test_a_request_is_rewound_by_its_key_with_other_parameters() -> None:
    client().sizes = lambda: 2
    params = SamplingParams(max_tokens=6, extra_args=Changes("key").put_into(None))
    drafts, drawn = client().generate(PROMPT, params, "r"), list[int]()
    first = await anext(drafts)
    changed = {"extra_args": Changes("key", banned={1: [501]}).put_into(None)}
    answers = [await client().call_utility_all_async("unsay_rewind", "key", [500], changed)]
    answers.append(await client().call_utility_all_async("unsay_rewind", "other", [], {}))
    async for output in drafts:
        drawn += output.outputs[0].token_ids
    answers.append(await client().call_utility_all_async("unsay_rewind", "key", [], {}))
    assert first.outputs[0].token_ids == [500, 501]
    assert (answers, drawn) == ([[2], [None], [None]], [601, 502, 503, 504, 505])


async def test_whoever_leaves_ends_the_request_and_no_other_utility_is_there() -> None:
    drafts = client().generate(PROMPT, SamplingParams(max_tokens=6), "r")
    await anext(drafts)
    assert client().running == 1
    await drafts.aclose()
    with pytest.raises(ValueError, match="no such utility"):
        await client().call_utility_all_async("other")
    assert client().running == 0 and client().is_running and not client().errored
