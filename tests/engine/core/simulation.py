"""vLLM's own schedulers without an engine: configuration, block pool, and toy workers that mirror those of vLLM.

The toy's next token is a function of all tokens so far, of what is banned there, and of what a grammar allows.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch
from vllm import AsyncEngineArgs
from vllm.utils.hashing import sha256
from vllm.v1.core.kv_cache_utils import get_request_block_hasher, init_none_hash
from vllm.v1.kv_cache_interface import FullAttentionSpec, KVCacheConfig, KVCacheGroupSpec
from vllm.v1.outputs import ModelRunnerOutput
from vllm.v1.request import Request
from vllm.v1.structured_output import StructuredOutputManager

from server.engine.core.changes import changes_in
from server.engine.core.scheduler import AsyncRewindingScheduler, RewindingScheduler
from server.engine.core.worker import RewindingWorker
from server.settings import BUNDLED_MODEL

BLOCK = 16
PLENTY, SCARCE = 400, 40


@cache
def config(asynchronous: bool = False) -> Any:
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


def scheduler(
    asynchronous: bool, blocks: int = PLENTY, kind: Any = None, *, v2: bool = False, log_stats: bool = False
) -> Any:
    """One of our schedulers (or one of another `kind`), as an engine core makes it."""
    made = config(asynchronous)
    made.cache_config.num_gpu_blocks = blocks
    spec = FullAttentionSpec(block_size=BLOCK, num_kv_heads=1, head_size=1, dtype=torch.float32)
    cache_config = KVCacheConfig(blocks, [], [KVCacheGroupSpec(["layer"], spec)])
    kind = kind or (AsyncRewindingScheduler if asynchronous else RewindingScheduler)
    outputs = StructuredOutputManager(made)
    built = kind(made, cache_config, outputs, block_size=BLOCK, hash_block_size=BLOCK, log_stats=log_stats)
    built.use_v2_model_runner = v2
    return built


def request(name: str, prompt: list[int], params: Any) -> Request:
    """A request as an engine core makes it, hashed in blocks."""
    return Request(name, prompt, params, None, block_hasher=_hasher())


@cache
def _hasher() -> Any:
    init_none_hash(sha256)
    return get_request_block_hasher(BLOCK, sha256)


def free_blocks(of: Any) -> int:
    return int(of.kv_cache_manager.block_pool.get_num_free_blocks())


def drawn_behind(tokens: list[int], banned: Collection[int], allowed: list[int] | None = None) -> int:
    digest = int.from_bytes(hashlib.blake2b(f"{tokens[-40:]} {len(tokens)}".encode(), digest_size=8).digest())
    if allowed is not None:
        left = [token for token in allowed if token not in banned] or allowed  # a ban never empties what may be drawn
        return left[digest % len(left)]
    token = digest % 997 + 3
    while token in banned:
        token += 1
    return token


@dataclass
class Kept:
    """What a worker keeps of a request, under the names of vLLM's."""

    prompt: list[int]
    output_token_ids: list[int]
    computed: int
    sampling_params: Any
    generator: None = None


@dataclass
class Worker(RewindingWorker):
    """The first runner: it keeps a request's tokens while it is away from the batch. `model_runner` is itself."""

    asynchronous: bool
    requests: dict[str, Kept] = field(default_factory=dict)
    batch: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.model_runner = self

    def step(self, scheduled: Any, grammar: Any = None) -> ModelRunnerOutput:
        self._forget(scheduled)
        for new in scheduled.scheduled_new_reqs:
            self._add(new)
        self._follow(scheduled.scheduled_cached_reqs)
        names = list(scheduled.num_scheduled_tokens)
        self.batch = set(names)
        allowed = _allowed(grammar)
        drawn = [self._draw(name, scheduled.num_scheduled_tokens[name], allowed.get(name)) for name in names]
        return ModelRunnerOutput(names, {name: at for at, name in enumerate(names)}, drawn)

    def _forget(self, scheduled: Any) -> None:
        for name in scheduled.finished_req_ids:
            self.requests.pop(name, None)

    def _add(self, new: Any) -> None:
        self.requests[new.req_id] = Kept(new.prompt_token_ids, [], new.num_computed_tokens, new.sampling_params)

    def _follow(self, cached: Any) -> None:
        for at, name in enumerate(cached.req_ids):
            kept, outputs = self.requests[name], cached.num_output_tokens[at]
            kept.computed = cached.num_computed_tokens[at]
            del kept.output_token_ids[outputs:]
            away = name not in self.batch or name in cached.resumed_req_ids
            if away and self.asynchronous and outputs:
                kept.output_token_ids = cached.all_token_ids[name][-outputs:]

    def _draw(self, name: str, count: int, allowed: list[int] | None) -> list[int]:
        kept = self.requests[name]
        kept.computed += count
        tokens = [*kept.prompt, *kept.output_token_ids]
        assert kept.computed <= len(tokens), "scheduled beyond the tokens that there are"
        if kept.computed < len(tokens):
            return []
        changes = changes_in(kept.sampling_params.extra_args)
        banned = changes.banned.get(len(kept.output_token_ids), ()) if changes else ()
        kept.output_token_ids.append(drawn_behind(tokens, banned, allowed))
        return kept.output_token_ids[-1:]


class WorkerV2(Worker):
    """The second runner: it forgets a request that leaves the batch, and is told all of it when it comes back."""

    def _forget(self, scheduled: Any) -> None:
        for name in scheduled.finished_req_ids | (scheduled.preempted_req_ids or set()):
            self.requests.pop(name, None)

    def _add(self, new: Any) -> None:
        prompt = len(new.prompt_token_ids)
        prefix, output = new.prefill_token_ids[:prompt], new.prefill_token_ids[prompt:]
        self.requests[new.req_id] = Kept(prefix, output, new.num_computed_tokens, new.sampling_params)

    def _follow(self, cached: Any) -> None:
        for at, name in enumerate(cached.req_ids):
            self.requests[name].computed = cached.num_computed_tokens[at]

    def unsay_rewound(self, request_id: str, tokens: list[int], params: Any) -> None:
        raise AssertionError("the second runner is asked for nothing")


def _allowed(grammar: Any) -> dict[str, list[int]]:
    """Of every request with a grammar the tokens that its bit mask allows."""
    if grammar is None:
        return {}
    rows = zip(grammar.structured_output_request_ids, grammar.grammar_bitmask, strict=True)
    return {name: allowed_by(torch.from_numpy(row)) for name, row in rows}


def allowed_by(row: torch.Tensor) -> list[int]:
    """The tokens of a row of a bit mask, 32 to a number."""
    bits = (row.unsqueeze(1) >> torch.arange(32)) & 1
    return [int(token) for token in bits.flatten().nonzero().flatten()]


class Core:
    """An engine core: a scheduler, a worker, and as many steps in flight as vLLM has with that scheduling."""

    def __init__(self, scheduler: Any) -> None:
        self.scheduler = scheduler
        asynchronous = scheduler.scheduler_config.async_scheduling
        self.worker = (WorkerV2 if scheduler.use_v2_model_runner else Worker)(asynchronous)
        self._depth = 2 if asynchronous else 1
        self._steps: list[Any] = []

    def collective_rpc(self, method: str, args: tuple[Any, ...]) -> None:
        getattr(self.worker, method)(*args)

    @property
    def busy(self) -> bool:
        return bool(self._steps) or bool(self.scheduler.has_requests())

    def step(self) -> list[Any]:
        """Another step as EngineCore makes it: one is scheduled, and if there are enough in flight, the first ends."""
        outputs: list[Any] = []
        if self.scheduler.has_requests():
            scheduled = self.scheduler.schedule()
            if scheduled.pending_structured_output_tokens:  # a mask needs the tokens before it
                outputs += self._finish()
            mask = self.scheduler.get_grammar_bitmask(scheduled)
            self._steps.append((scheduled, self.worker.step(scheduled, mask)))
            if len(self._steps) < self._depth and scheduled.total_num_scheduled_tokens:
                return outputs
        return outputs + self._finish()

    def _finish(self) -> list[Any]:
        if not self._steps:
            return []
        ended = self.scheduler.update_from_output(*self._steps.pop(0))
        return [output for outputs in ended.values() for output in outputs.outputs]
