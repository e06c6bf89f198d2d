"""A scripted twin of vLLM's engine client: a whole server without a model, for what needs millions of odd answers.

1. What it writes is a function of the request and the tokens before: a `Script` ranks the tokens that may come next.
   Renderer, tokenizer, chat templates and checks are vLLM's own, over the model's folder; no weights are read.
2. It honours what vLLM's engine honours: biases, bans, bad words, allowed tokens, stop tokens, limits, logprobs,
   choices.
3. It can be rewound as our scheduler rewinds (server/engine/core/scheduler.py): by key, to tokens, with other
   parameters.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from vllm.config import VllmConfig
from vllm.engine.protocol import EngineClient
from vllm.logprobs import Logprob
from vllm.outputs import CompletionOutput, RequestOutput
from vllm.renderers.registry import renderer_from_config
from vllm.sampling_params import SamplingParams
from vllm.v1.engine.input_processor import InputProcessor

from server.engine.core.changes import Changes, changes_in

Script = Callable[[Sequence[int], Sequence[int], int | None], Sequence[int]]
"""Ranks what may follow, given a prompt, the tokens drawn after it and the request's seed: best first, never empty."""
Sizes = Callable[[], int]
"""How many tokens the next output brings, at least 1."""


@dataclass
class _Request:
    """One request under way: what it has drawn, and by what it draws."""

    prompt: Sequence[int]
    params: SamplingParams
    drawn: list[int] = field(default_factory=list)

    @property
    def changes(self) -> Changes:
        return changes_in(self.params.extra_args) or Changes("")

    @property
    def kept(self) -> int:
        """How many of the prompt's last tokens are the answer's own."""
        return self.changes.kept

    def drawn_in_all(self) -> list[int]:
        """Return the answer's tokens, those that came with the prompt included."""
        return [*self.prompt[len(self.prompt) - self.kept :], *self.drawn]


class ScriptedClient(EngineClient):  # type: ignore[misc]
    """`running` counts the requests under way; `script` and `sizes` may be replaced between requests."""

    is_running, is_stopped, errored = True, False, False
    dead_error = RuntimeError("the scripted engine does not die")

    def __init__(self, config: VllmConfig, script: Script, sizes: Sizes = lambda: 1) -> None:
        self.vllm_config = config
        self.model_config = config.model_config
        self.renderer = renderer_from_config(config)
        self.input_processor = InputProcessor(config, self.renderer)
        self.engine_core = self
        self.script = script
        self.sizes = sizes
        self.running = 0
        self._by_key: dict[str, _Request] = {}
        self._decode = self.renderer.tokenizer.decode
        self._spelled = [self._decode([token]) for token in range(len(self.renderer.tokenizer))]
        self._ids = {text: token for token, text in enumerate(self._spelled)}
        self.end = int(self.renderer.tokenizer.eos_token_id)

    async def generate(
        self, prompt: Any, sampling_params: SamplingParams, request_id: str, **options: Any
    ) -> AsyncGenerator[RequestOutput, None]:
        """Yield deltas of one choice, as many tokens at once as `sizes` says."""
        sampling_params.update_from_tokenizer(self.renderer.tokenizer)
        request = _Request(prompt["prompt_token_ids"], sampling_params)
        self.running += 1
        self._by_key[request.changes.key] = request
        prompt_logprobs = self._prompt_logprobs(request)
        try:
            reason: str | None = None
            while reason is None:
                await asyncio.sleep(0)
                tokens, entries, reason, stop = self._step(request, max(1, self.sizes()))
                made = CompletionOutput(0, "", tokens, None, entries, finish_reason=reason, stop_reason=stop)
                if reason is not None:
                    self._by_key.pop(request.changes.key, None)
                yield RequestOutput(request_id, None, list(request.prompt), prompt_logprobs, [made], reason is not None)
        finally:
            self.running -= 1
            self._by_key.pop(request.changes.key, None)

    def _step(
        self, request: _Request, size: int
    ) -> tuple[list[int], list[dict[int, Logprob]] | None, str | None, int | None]:
        """Return the next tokens with their logprobs, the finish reason and the stop token, if they end the answer."""
        params, tokens = request.params, list[int]()
        entries: list[dict[int, Logprob]] | None = [] if params.num_logprobs is not None else None
        while len(tokens) < size:
            ranked = self._ranked(request)
            token = ranked[0]
            if entries is not None:
                entries.append(self._entry(token, ranked, params))
            request.drawn.append(token)
            tokens.append(token)
            enough = len(request.drawn) >= params.min_tokens
            if enough and token == self.end and not params.ignore_eos:
                return tokens, entries, "stop", None
            if enough and token in (params.stop_token_ids or ()):
                return tokens, entries, "stop", token
            if params.max_tokens is not None and len(request.drawn) >= params.max_tokens:
                return tokens, entries, "length", None
        return tokens, entries, None, None

    def _ranked(self, request: _Request) -> list[int]:
        """Return the tokens that may come next, best first, as the request's parameters rank them."""
        params, changes, at = request.params, request.changes, len(request.drawn)
        choices = params.structured_outputs.choice if params.structured_outputs else None
        if choices:
            ranked = self._spelling(choices, request)
        else:
            prompt = request.prompt[: len(request.prompt) - request.kept]
            ranked = list(self.script(prompt, request.drawn_in_all(), params.seed))
        bias = params.logit_bias or {}
        if not choices:
            ranked += [token for token, value in bias.items() if value > 0 and token not in ranked]
        banned = {*changes.banned.get(at, ()), *self._ends_of_bad_words(request)}
        avoided = changes.avoided if at < changes.until else ()
        ends = {self.end, *(params.stop_token_ids or ())} if at < params.min_tokens else set()
        left = [token for token in ranked if token not in banned and token not in ends] or ranked
        if params.allowed_token_ids and not choices:
            left = [token for token in left if token in params.allowed_token_ids] or list(params.allowed_token_ids)
        weights = {token: -place + bias.get(token, 0.0) - 50.0 * (token in avoided) for place, token in enumerate(left)}
        return sorted(left, key=weights.__getitem__, reverse=True)

    def _ends_of_bad_words(self, request: _Request) -> set[int]:
        """Return the tokens that would complete a bad word, of what this request has drawn."""
        words = request.params.bad_words_token_ids or ()
        return {word[-1] for word in words if len(word) == 1 or request.drawn[1 - len(word) :] == list(word[:-1])}

    def _spelling(self, choices: Collection[str], request: _Request) -> list[int]:
        """Return the tokens that continue one of the texts, the longest first; the end after a whole one."""
        said = "".join(self._spelled[token] for token in request.drawn_in_all())
        rests = [choice[len(said) :] for choice in choices if choice.startswith(said)]
        fitting = {
            token
            for rest in rests
            for length in range(len(rest), 0, -1)
            if (token := self._ids.get(rest[:length])) is not None
        }
        return sorted(fitting, key=lambda token: -len(self._spelled[token])) or [self.end]

    def _entry(self, drawn: int, ranked: Sequence[int], params: SamplingParams) -> dict[int, Logprob]:
        """Return the drawn token first, then the best ones and those asked for by name."""
        count = params.num_logprobs or 0
        named = [*ranked[: max(count, 0)], *(params.logprob_token_ids or ())]
        return {token: self._logprob(token, ranked, params) for token in dict.fromkeys([drawn, *named])}

    def _logprob(self, token: int, ranked: Sequence[int], params: SamplingParams) -> Logprob:
        rank = ranked.index(token) + 1 if token in ranked else len(ranked) + 1
        return Logprob(-0.5 * rank, rank, self._spelled[token] if params.detokenize else None)

    def _prompt_logprobs(self, request: _Request) -> list[dict[int, Logprob] | None] | None:
        if request.params.prompt_logprobs is None:
            return None
        entries: list[dict[int, Logprob] | None] = [None]
        for at in range(1, len(request.prompt)):
            ranked = list(self.script(request.prompt[:at], (), None))
            names = dict.fromkeys([request.prompt[at], *ranked[: max(0, request.params.prompt_logprobs)]])
            entries.append({token: self._logprob(token, ranked, request.params) for token in names})
        return entries

    async def call_utility_all_async(self, name: str, *args: Any) -> list[Any]:
        """Return what the engine core's utilities do: a rewind by our scheduler. There is nothing to interrupt."""
        if name == "unsay_ignore_interrupts":
            return [None]
        if name != "unsay_rewind":
            raise ValueError(f"no such utility: {name}")
        return [self._rewound(*args)]

    def _rewound(self, key: str, tokens: Sequence[int], params: dict[str, Any]) -> int | None:
        request = self._by_key.get(key)
        if request is None or not request.drawn:
            return None
        drawn = len(request.drawn)
        request.drawn = list(tokens)
        request.params = request.params.clone()
        for parameter, value in params.items():
            setattr(request.params, parameter, value)
        return drawn

    async def get_supported_tasks(self) -> tuple[str, ...]:
        """Return the tasks that it supports: it generates."""
        return ("generate",)

    async def is_tracing_enabled(self) -> bool:
        """Return False: it traces nothing."""
        return False


ScriptedClient.__abstractmethods__ = frozenset()  # of what an engine can be told to do, a script needs nothing
