"""The guarded engine client: what vLLM's own server is handed in place of its engine.

Every member of EngineClient is passed on to the engine, `generate` alone is ours: so there is no unguarded route, whatever
routes vLLM's server has. What cannot be guarded is refused aloud.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any

from server.engine.detokenize import detokenizers
from server.engine.outputs import ChoiceOutput, request_output
from server.engine.resubmit import ResubmittingEngine
from server.generation.choices import merge
from server.generation.guarded import Guarded, ScorerDown, Setting
from server.generation.report import Report
from server.generation.request import GuardedRequest, current
from server.generation.transcript import Transcript
from server.policy.policy import Policy
from vllm.engine.protocol import EngineClient
from vllm.exceptions import VLLMValidationError
from vllm.outputs import RequestOutput
from vllm.sampling_params import RequestOutputKind, SamplingParams

GUARDABLE = ("token", "multimodal")


def _delegating(name: str) -> Callable[..., Any]:
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(self.inner, name)(*args, **kwargs)

    call.__name__ = name
    return call


class _Delegate(EngineClient):  # type: ignore[misc]
    """Every public member of EngineClient, present or to come, passed on to `inner`."""

    def __init__(self, inner: EngineClient) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["inner"], name)


for _name in [name for name in dir(EngineClient) if not name.startswith("_")]:
    if isinstance(getattr(EngineClient, _name), property):
        setattr(_Delegate, _name, property(lambda self, name=_name: getattr(self.inner, name)))
    else:
        setattr(_Delegate, _name, _delegating(_name))
_Delegate.__abstractmethods__ = frozenset()


class GuardedEngineClient(_Delegate):
    """An EngineClient whose text was cleared. `default_policy` holds where no request says otherwise."""

    def __init__(self, inner: EngineClient, setting: Setting, default_policy: Policy) -> None:
        super().__init__(inner)
        self.setting, self.default_policy = setting, default_policy

    def generate(
        self, prompt: Any, sampling_params: SamplingParams, request_id: str, **options: Any
    ) -> AsyncGenerator[RequestOutput, None]:
        """Guarded generation. Refuses at once, before any answer has begun, what cannot be guarded."""
        request = current.get() or GuardedRequest(self.default_policy)
        if request.policy.mode == "off":
            return self._unguarded(prompt, sampling_params, request_id, request, options)
        _check_guardable(prompt, sampling_params)
        if request.policy.mode == "enforce" and request.policy.on_scorer_failure == "closed":
            self._check_scorer(request)
        prompt_options = {key: value for key, value in options.items() if key != "prompt_text"}
        return self._guarded(prompt, sampling_params, request_id, request, prompt_options)

    def _check_scorer(self, request: GuardedRequest) -> None:
        if not self.setting.judge.available():
            request.scorer_down = "unavailable"
            raise ScorerDown("unavailable")

    async def _unguarded(
        self, prompt: Any, params: SamplingParams, request_id: str, request: GuardedRequest, options: Mapping[str, Any]
    ) -> AsyncGenerator[RequestOutput, None]:
        first = request.reserve(params.n)
        for index in range(params.n):
            request.reports[first + index] = Report(request.policy.name, "off", "unguarded")
        outputs = self.inner.generate(prompt, params, request_id, **options)
        async with aclosing(outputs):
            async for output in outputs:
                yield output

    async def _guarded(
        self,
        prompt: Mapping[str, Any],
        params: SamplingParams,
        request_id: str,
        request: GuardedRequest,
        options: Mapping[str, Any],
    ) -> AsyncGenerator[RequestOutput, None]:
        engines = [self._engine(prompt, params, request_id, index, request, options) for index in range(params.n)]
        guards = [self._guard(engine, prompt, params, request) for engine in engines]
        first_choice = request.reserve(params.n)
        outputs = [ChoiceOutput(index, params, self.inner.renderer.tokenizer) for index in range(params.n)]
        kept: dict[int, Any] = {}
        fresh = True
        try:
            async with aclosing(merge([guard.pieces() for guard in guards])) as pieces:
                async for index, piece in pieces:
                    output = outputs[index].add(piece)
                    if output is None:
                        continue
                    if piece.finish_reason is not None:
                        request.reports[first_choice + index] = guards[index].report
                    done = all(choice.finished for choice in outputs)
                    if params.output_kind == RequestOutputKind.FINAL_ONLY:
                        kept[index] = output
                        if not done:
                            continue
                    request.started = True
                    now = [kept[i] for i in sorted(kept)] if kept else [output]
                    keep_prompt = fresh or params.output_kind != RequestOutputKind.DELTA
                    yield request_output(
                        request_id, prompt, engines[0].first, now, finished=done, with_prompt_logprobs=keep_prompt
                    )
                    fresh = False
        except ScorerDown as down:
            request.scorer_down = str(down)
            raise

    def _engine(
        self,
        prompt: Mapping[str, Any],
        params: SamplingParams,
        request_id: str,
        index: int,
        request: GuardedRequest,
        options: Mapping[str, Any],
    ) -> ResubmittingEngine:
        own = params.clone()
        if own.seed is not None:
            own.seed += index  # as vLLM seeds the choices of one request
        return ResubmittingEngine(self.inner, prompt, own, request_id, options, request.policy.temperature_step)

    def _guard(
        self, engine: ResubmittingEngine, prompt: Mapping[str, Any], params: SamplingParams, request: GuardedRequest
    ) -> Guarded:
        make = detokenizers(self.inner.renderer.tokenizer, prompt["prompt_token_ids"], params)
        whole = params.output_kind == RequestOutputKind.FINAL_ONLY
        return Guarded(
            engine,
            Transcript(make),
            request.policy,
            self.setting,
            restart_only=params.structured_outputs is not None,
            whole=whole,
            retriable=lambda: whole or not request.started,
        )


def _check_guardable(prompt: Any, params: Any) -> None:
    """400 for what has no text that could be judged and taken back span by span."""
    if not isinstance(params, SamplingParams):
        raise VLLMValidationError("beam search cannot be guarded: leave `use_beam_search` out", parameter="use_beam_search")
    kind = prompt.get("type") if isinstance(prompt, dict) else None
    if kind == "embeds":
        raise VLLMValidationError("prompt embeddings cannot be guarded: send text", parameter="prompt_embeds")
    if kind not in GUARDABLE:
        raise VLLMValidationError("this kind of input (realtime, raw, encoder-decoder) cannot be guarded", parameter="prompt")
