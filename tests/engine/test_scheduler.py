"""vLLM's own schedulers with ours on top, over a toy worker that mirrors what vLLM's workers keep of a request.

Requests are rewound at random while others come, are preempted for want of blocks, or are aborted; steps are in flight
with asynchronous scheduling. What every request says at last must be what it says without a rewind.
"""

import hashlib
import random
from collections import deque
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest
import torch
from vllm import AsyncEngineArgs, SamplingParams
from vllm.utils.hashing import sha256
from vllm.v1.core.kv_cache_utils import get_request_block_hasher, init_none_hash
from vllm.v1.kv_cache_interface import FullAttentionSpec, KVCacheConfig, KVCacheGroupSpec
from vllm.v1.outputs import ModelRunnerOutput
from vllm.v1.request import Request, RequestStatus
from vllm.v1.structured_output import StructuredOutputManager

from server.engine.changes import Changes, changes_in
from server.engine.scheduler import AsyncRewindingScheduler, RewindingScheduler
from server.settings import BUNDLED_MODEL

BLOCK = 16
PLENTY, SCARCE = 400, 40


@cache
def config(asynchronous: bool) -> Any:
    args = AsyncEngineArgs(
        model=str(BUNDLED_MODEL),
        dtype="float32",
        max_model_len=512,
        enforce_eager=True,
        block_size=BLOCK,
        max_num_seqs=16,
    )
    made = args.create_engine_config()
    made.scheduler_config.async_scheduling = asynchronous
    return made


def scheduler(asynchronous: bool, blocks: int, kind: Any = None) -> Any:
    made = config(asynchronous)
    made.cache_config.num_gpu_blocks = blocks
    spec = FullAttentionSpec(block_size=BLOCK, num_kv_heads=1, head_size=1, dtype=torch.float32)
    cache_config = KVCacheConfig(blocks, [], [KVCacheGroupSpec(["layer"], spec)])
    init_none_hash(sha256)
    kind = kind or (AsyncRewindingScheduler if asynchronous else RewindingScheduler)
    outputs = StructuredOutputManager(made)
    return kind(made, cache_config, outputs, block_size=BLOCK, hash_block_size=BLOCK, log_stats=False)


def drawn_behind(tokens: list[int], banned: frozenset[int]) -> int:
    """The toy's next token: a function of all tokens so far and of what is banned there."""
    digest = hashlib.blake2b(f"{tokens[-40:]} {len(tokens)}".encode(), digest_size=8).digest()
    token = int.from_bytes(digest) % 997 + 3
    while token in banned:
        token += 1
    return token


@dataclass
class Worker:
    """What the first runner keeps of its requests: tokens, the prompt's length, parameters."""

    requests: dict[str, Any] = field(default_factory=dict)

    def step(self, scheduled: Any) -> ModelRunnerOutput:
        for name in scheduled.finished_req_ids:
            self.requests.pop(name, None)
        for new in scheduled.scheduled_new_reqs:
            tokens = list(new.prompt_token_ids)
            self.requests[new.req_id] = [tokens, len(tokens), new.num_computed_tokens, new.sampling_params]
        self._follow(scheduled.scheduled_cached_reqs)
        names = list(scheduled.num_scheduled_tokens)
        drawn = [self._draw(name, scheduled.num_scheduled_tokens[name]) for name in names]
        return ModelRunnerOutput(names, {name: at for at, name in enumerate(names)}, drawn)

    def _follow(self, cached: Any) -> None:
        for at, name in enumerate(cached.req_ids):
            request, outputs = self.requests[name], cached.num_output_tokens[at]
            request[2] = cached.num_computed_tokens[at]
            if name in cached.all_token_ids:
                own = cached.all_token_ids[name]
                request[0] = request[0][: request[1]] + (own[-outputs:] if outputs else [])
            else:
                del request[0][request[1] + outputs :]

    def _draw(self, name: str, count: int) -> list[int]:
        request = self.requests[name]
        request[2] += count
        assert request[2] <= len(request[0]), "scheduled beyond the tokens that there are"
        if request[2] < len(request[0]):
            return []
        changes, position = changes_in(request[3].extra_args), len(request[0]) - request[1]
        banned = frozenset(changes.banned.get(position, ())) if changes else frozenset()
        request[0].append(drawn_behind(request[0], banned))
        return [request[0][-1]]


@dataclass
class Asked:
    """One request as the front end knows it: `stale` tokens on their way are to be dropped."""

    prompt: list[int]
    length: int
    kept: list[int] = field(default_factory=list)
    bans: dict[int, frozenset[int]] = field(default_factory=dict)
    stale: int = 0
    over: bool = False
    aborted: bool = False

    def expected(self) -> list[int]:
        tokens = list(self.prompt)
        for position in range(self.length):
            tokens.append(drawn_behind(tokens, self.bans.get(position, frozenset())))
        return tokens[len(self.prompt) :]


class Simulation:
    """A scheduler, a worker, up to `depth` steps in flight, and a front end that rewinds at random.

    Outputs take a while to reach the front end, so that it asks for rewinds of requests that are further on already.
    """

    def __init__(self, scheduler: Any, depth: int, seed: int, *, drops_stale: bool = True) -> None:
        self.scheduler, self.worker, self._depth = scheduler, Worker(), depth
        self._chance, self._drops_stale = random.Random(seed), drops_stale
        self.asked: dict[str, Asked] = {}
        self.rewinds = self.in_flight = 0
        self._steps: deque[Any] = deque()
        self._way: deque[Any] = deque()

    def ask(self, prompt: list[int], length: int) -> str:
        name = f"r{len(self.asked)}"
        params = SamplingParams(max_tokens=length, ignore_eos=True, extra_args=Changes(name).put_into(None))
        self.asked[name] = Asked(prompt, length)
        hasher = get_request_block_hasher(BLOCK, sha256)
        self.scheduler.add_request(Request(name, prompt, params, None, block_hasher=hasher))
        return name

    def run(self, rewind: float, abort: float = 0.0) -> None:
        for _ in range(20_000):
            if all(asked.over for asked in self.asked.values()):
                return
            for name in [name for name, asked in self.asked.items() if not asked.over]:
                if self._chance.random() < rewind:
                    self._rewind(name)
                elif self._chance.random() < abort:
                    self._abort(name)
            self._step()
        raise AssertionError("requests got stuck")

    def _rewind(self, name: str) -> None:
        asked = self.asked[name]
        if asked.stale or not asked.kept:
            return
        to = self._chance.randrange(len(asked.kept))
        bans = {at: tokens for at, tokens in asked.bans.items() if at <= to}
        bans[to] = bans.get(to, frozenset()) | {asked.kept[to]}
        flying = self.scheduler.requests[name].num_in_flight_tokens if name in self.scheduler.requests else 0
        extra = Changes(name, banned={to: tuple(bans[to])}).put_into(None)
        found = self.scheduler.rewind(name, asked.kept[:to], {"extra_args": extra})
        if found is None:
            return
        request, drawn = found
        self.worker.requests[name][0] = [*asked.prompt, *asked.kept[:to]]  # RewindingWorker.unsay_rewound
        self.worker.requests[name][3] = request.sampling_params
        self.rewinds, self.in_flight = self.rewinds + 1, self.in_flight + (flying > 0)
        asked.stale = drawn - len(asked.kept)
        asked.bans = bans
        del asked.kept[to:]

    def _abort(self, name: str) -> None:
        self.scheduler.finish_requests([name], RequestStatus.FINISHED_ABORTED)
        self.asked[name].over = self.asked[name].aborted = True

    def _step(self) -> None:
        if self.scheduler.has_requests() and len(self._steps) < self._depth:
            scheduled = self.scheduler.schedule()
            self._steps.append((scheduled, self.worker.step(scheduled)))
            if len(self._steps) < self._depth and scheduled.total_num_scheduled_tokens:
                return
        if self._steps:
            for outputs in self.scheduler.update_from_output(*self._steps.popleft()).values():
                self._way += outputs.outputs
        while self._way and self._chance.random() < 0.95:
            output = self._way.popleft()
            self._take(self.asked[output.request_id], output)

    def _take(self, asked: Asked, output: Any) -> None:
        dropped = min(asked.stale, len(output.new_token_ids)) if self._drops_stale else 0
        asked.stale -= dropped
        asked.kept += output.new_token_ids[dropped:]
        asked.over = asked.over or output.finish_reason is not None

    def wrong(self) -> list[str]:
        return [name for name, each in self.asked.items() if not each.aborted and each.kept != each.expected()]

    def free_blocks(self) -> int:
        return int(self.scheduler.kv_cache_manager.block_pool.get_num_free_blocks())


def simulated(
    asynchronous: bool, blocks: int = PLENTY, *, abort: float = 0.0, kind: Any = None, **more: bool
) -> tuple[Simulation, int]:
    """24 requests, some with the same beginning, and the number of free blocks before them."""
    made = Simulation(scheduler(asynchronous, blocks, kind), 2 if asynchronous else 1, 3, **more)
    free, chance = made.free_blocks(), random.Random(5)
    shared = [chance.randrange(3, 900) for _ in range(40)]
    for number in range(24):
        own = [chance.randrange(3, 900) for _ in range(chance.randrange(1, 60))]
        made.ask([*shared, *own] if number % 3 == 0 else own, chance.randrange(20, 120))
    made.run(0.03, abort)
    return made, free


@pytest.mark.parametrize("blocks", [PLENTY, SCARCE])
@pytest.mark.parametrize("asynchronous", [False, True])
def test_every_request_says_what_it_would_have_said_without_rewinds(asynchronous: bool, blocks: int) -> None:
    made, free = simulated(asynchronous, blocks)
    assert made.wrong() == []
    assert made.rewinds > 30 and (made.in_flight > 10 or not asynchronous)
    assert made.free_blocks() == free
    assert not made.scheduler._by_key


def test_so_it_is_with_requests_that_are_aborted_in_between() -> None:
    made, free = simulated(True, SCARCE, abort=0.003)
    assert made.wrong() == [] and sum(asked.aborted for asked in made.asked.values()) >= 3
    assert made.free_blocks() == free and not made.scheduler._by_key


def test_with_what_is_on_its_way_taken_for_fresh_it_would_not_be() -> None:
    made, _ = simulated(True, drops_stale=False)
    assert len(made.wrong()) > 10


def test_nor_with_the_output_of_steps_in_flight_added_to_the_request() -> None:
    class Careless(AsyncRewindingScheduler):
        def _preempt_request(self, request: Any, *args: Any, drop_stale_output: bool = False) -> Any:
            return super()._preempt_request(request, *args, drop_stale_output=False)

    with pytest.raises((AssertionError, KeyError, ValueError)):
        made, _ = simulated(True, kind=Careless)
        assert made.wrong() == []


def test_the_prefix_cache_holds_no_dropped_text_under_another_texts_hash() -> None:
    made = Simulation(scheduler(False, PLENTY), 1, 8)
    first = made.ask(list(range(3, 40)), 90)
    made.run(0.02)
    assert made.rewinds > 0
    asked = made.asked[first]
    again = made.ask([*asked.prompt, *asked.kept[:60]], 20)
    made.run(0.0)
    assert made.wrong() == [] and made.asked[again].kept != []


@pytest.mark.parametrize("name", ["nobody", ""])
def test_what_is_not_there_cannot_be_rewound(name: str) -> None:
    assert scheduler(False, PLENTY).rewind(name, [], {}) is None


def test_a_request_that_has_not_been_scheduled_is_not_rewound() -> None:
    made = Simulation(scheduler(False, PLENTY), 1, 1)
    assert made.scheduler.rewind(made.ask([5, 6, 7], 10), [], {}) is None
