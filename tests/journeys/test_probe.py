"""A probe in the real engine: what it sees is what transformers' states say, after rewinds too, and so what it turns.

The engine looks from here on, as it would on a server that has a probe; who does not ask notices nothing.
"""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM
from vllm.sampling_params import SamplingParams

from server.engine.core import arming
from server.engine.core.sight import WEIGHTS
from server.engine.drafting.exact import ExactEngine, rewinds_of
from server.engine.drafting.request import EngineRequest
from server.generation.draft import Attempt
from server.settings import BUNDLED_MODEL
from tests.live.servers import Servers

pytestmark = pytest.mark.timeout(400)
"""A model more than elsewhere has to be loaded."""
ATTEMPT = Attempt(0, (), frozenset())
NUMBERS, LENGTH = 6, 24
CLOSE = 1e-4
PUSH = 0.06
"""So hard that other tokens become the likeliest."""


class Reference:
    """The same model in transformers, and the probe that both look with."""

    def __init__(self, folder: Path) -> None:
        self._model = AutoModelForCausalLM.from_pretrained(BUNDLED_MODEL, dtype=torch.float32).eval()
        width, chance = self._model.config.hidden_size, torch.Generator().manual_seed(0)
        away = torch.randn(width, generator=chance)
        self.tensors = {
            "rows": torch.randn(NUMBERS, width, generator=chance) / width**0.5,
            "away": away / away.norm(),
            "level": torch.tensor(-1e3),
            "push": torch.tensor(PUSH),
        }
        save_file(self.tensors, folder / WEIGHTS)

    @torch.inference_mode()
    def seen(self, prompt: Sequence[int], answer: Sequence[int]) -> Any:
        """What is seen before each token of the answer."""
        states = self._states([*prompt, *answer])[len(prompt) - 1 : -1]
        return (states @ self.tensors["rows"].T).numpy()

    @torch.inference_mode()
    def turned(self, prompt: Sequence[int], kept: Sequence[int], count: int) -> list[int]:
        """The likeliest tokens after the kept ones, where all are drawn from a turned state."""
        tokens = [*prompt, *kept]
        for _ in range(count):
            state = self._states(tokens)[-1]
            lean = PUSH * (state @ self.tensors["away"] + 1e3)
            tokens.append(int(self._model.lm_head(state - lean * self.tensors["away"]).argmax()))
        return tokens[len(prompt) + len(kept) :]

    def _states(self, tokens: Sequence[int]) -> Any:
        return self._model.base_model(torch.tensor([tokens])).last_hidden_state[0]


@pytest.fixture(scope="module")
def reference(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    folder = tmp_path_factory.mktemp("probe")
    made = Reference(folder)
    assert servers.run(arming.look(servers.engine, str(folder)))
    return made


def prompt_of(servers: Servers, text: str) -> list[int]:
    return list(servers.tokenizer.encode(text, add_special_tokens=False))


def engine(servers: Servers, prompt: list[int], name: str) -> ExactEngine:
    params = SamplingParams(temperature=0, max_tokens=64, ignore_eos=True)
    asked = {"type": "token", "prompt_token_ids": prompt}
    request = EngineRequest(servers.engine, asked, params, name, {}, 0.1)
    return ExactEngine(request, rewinds_of(servers.engine))


async def drawn(engine: ExactEngine, attempt: Attempt, count: int) -> tuple[list[int], list[bytes | None]]:
    """The first tokens of an attempt, and what was seen before each."""
    tokens: list[int] = []
    seen: list[bytes | None] = []
    async with aclosing(engine.draft(attempt)) as drafts:
        async for draft in drafts:
            tokens += draft.tokens
            seen += draft.seen or [None] * len(draft.tokens)
            if len(tokens) >= count:
                break
    return tokens[:count], seen[:count]


def check(reference: Reference, prompt: list[int], answer: list[int], seen: Sequence[bytes | None]) -> None:
    """Those that were seen (a reader that is late misses some) are what the reference says, the last one among them."""
    expected = reference.seen(prompt, answer)[-len(seen) :]
    known = [(row, own) for row, own in zip(seen, expected, strict=True) if row is not None]
    assert len(known) >= len(seen) // 2
    for row, own in known:
        assert np.abs(np.frombuffer(row, np.float32) - own).max() < CLOSE


def test_what_is_seen_is_what_transformers_states_say(servers: Servers, reference: Reference) -> None:
    async def scenario() -> None:
        prompts = [prompt_of(servers, text) for text in ("I need a restaurant in", "The train to the coast", "One")]
        engines = [engine(servers, prompt, f"seen-{at}") for at, prompt in enumerate(prompts)]
        found = await asyncio.gather(*(drawn(each, ATTEMPT, LENGTH) for each in engines))
        for prompt, (answer, seen), each in zip(prompts, found, engines, strict=True):
            check(reference, prompt, answer, seen)
            await each.aclose()

    servers.run(scenario())


def test_after_a_rewind_it_is_that_of_the_kept_tokens(servers: Servers, reference: Reference) -> None:
    async def scenario() -> None:
        prompt = prompt_of(servers, "I need a restaurant in")
        each = engine(servers, prompt, "rewound")
        first, _ = await drawn(each, ATTEMPT, LENGTH)
        kept = first[:9]
        attempt = replace(ATTEMPT, number=1, kept=tuple(kept), banned=frozenset({first[9]}), retry=1)
        second, seen = await drawn(each, attempt, LENGTH)
        assert second[0] != first[9]
        check(reference, prompt, [*kept, *second], seen)
        await each.aclose()

    servers.run(scenario())


def test_turned_logits_are_those_of_turned_states_and_a_neighbour_is_left_alone(
    servers: Servers, reference: Reference
) -> None:
    async def scenario() -> None:
        prompt = prompt_of(servers, "I need a restaurant in")
        one, other = engine(servers, prompt, "turned"), engine(servers, prompt, "neighbour")
        plain, _ = await drawn(one, ATTEMPT, LENGTH)
        kept = tuple(plain[:5])
        attempt = replace(ATTEMPT, number=1, kept=kept, retry=1, turned_for=6)
        (turned, _), (alone, _) = await asyncio.gather(drawn(one, attempt, 12), drawn(other, ATTEMPT, LENGTH))
        expected = reference.turned(prompt, kept, 6)
        assert expected != plain[5:11], "nothing was turned"
        assert turned[:6] == expected
        assert alone == plain
        await one.aclose()
        await other.aclose()

    servers.run(scenario())
