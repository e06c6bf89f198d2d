"""The engine client whose engine is elsewhere: what it is asked for, it asks upstreams for.

1. It hands out tokens and logprobs; text is the guard's business. What it cannot hand out is refused (asking.py).
2. vLLM's own input processing checks every request here, as it would before an engine: what is wrong with one is told
   in vLLM's words, and no upstream hears of it.
3. An answer that is lost is gone on with elsewhere: before its first token the request is simply asked again, and
   after it the drawn tokens go in as the end of the prompt, as at a rewind (drafting/resubmit.py). The next token is
   drawn anew from what the text so far makes likely, which is what it would have been drawn from. Not so where more
   than the text counts: grammars, penalties, bad words, thinking budgets. Such an answer ends in an error.
4. Each upstream is asked once for a stretch of an answer. Nothing of an answer was released by asking: what is, is
   decided behind this.
"""

import copy
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from vllm.config import VllmConfig
from vllm.engine.protocol import EngineClient
from vllm.exceptions import VLLMValidationError
from vllm.outputs import CompletionOutput, RequestOutput
from vllm.renderers.registry import renderer_from_config
from vllm.sampling_params import RequestOutputKind, SamplingParams
from vllm.v1.engine.input_processor import InputProcessor

from server.engine.drafting.request import derived_seed, looks_back
from server.engine.upstream import asking
from server.engine.upstream.faults import Fault, FleetObserver
from server.engine.upstream.fleet import Fleet, NoUpstream
from server.engine.upstream.link import Link
from server.engine.upstream.reading import Reading
from server.generation.draft import Draft

_PROBE = (
    'The quick brown fox, naïve façade; Straße 1234567890: 東京 и всё. {"a": [1.5, null]}\n\tdef f(x): return x**2 😀'
)
"""Tokenizers that read this alike are the same, as far as a served model goes."""
_TASKS = ("generate",)


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A part of an answer: `drawn` tokens came before it, and follow the prompt."""

    prompt: Mapping[str, Any]
    params: SamplingParams
    drawn: tuple[int, ...] = ()

    def after(self, drawn: tuple[int, ...]) -> "_Stretch":
        """Return what is left after more tokens."""
        if not drawn:
            return self
        params = self.params.clone()
        params.max_tokens = params.max_tokens - len(drawn)
        params.min_tokens = max(0, params.min_tokens - len(drawn))
        params.seed = derived_seed(params.seed, len(drawn), 0)
        tokens = [*self.prompt["prompt_token_ids"], *drawn]
        prompt = {**self.prompt, "prompt_token_ids": tokens}
        prompt.pop("prompt", None)
        return replace(self, prompt=prompt, params=params, drawn=(*self.drawn, *drawn))


class UpstreamClient(EngineClient):  # type: ignore[misc]
    """An EngineClient over upstreams, which `links` are the ways to. Every one is to serve the model of `config`."""

    errored = False
    """It has no engine that could die; upstreams come and go (`is_running`)."""
    is_stopped = False

    def __init__(self, config: VllmConfig, links: list[Link], observer: FleetObserver) -> None:
        self.vllm_config = config
        self.model_config = config.model_config
        self.renderer = renderer_from_config(config)
        self.input_processor = InputProcessor(config, self.renderer)
        self._model = str(config.model_config.served_model_name)
        self._vocabulary = config.model_config.get_vocab_size()
        self.look_after(links, observer)

    def look_after(self, links: list[Link], observer: FleetObserver) -> None:
        """Ask these from now on; `observer` is told how they fare."""
        self.fleet = Fleet(links, self.meet, observer)
        self._observer = observer

    @property
    def is_running(self) -> bool:
        """Whether any upstream is up."""
        return bool(self.fleet.up)

    @property
    def dead_error(self) -> BaseException:
        """What a request is told while none is."""
        return NoUpstream()

    async def generate(
        self, prompt: Any, sampling_params: SamplingParams, request_id: str, **options: Any
    ) -> AsyncGenerator[RequestOutput, None]:
        """Yield deltas of one choice, without text. NoUpstream if none can answer, or go on with the answer."""
        asking.check(prompt, sampling_params, options)
        params = sampling_params.clone()
        if params.max_tokens is None:
            params.max_tokens = self.model_config.max_model_len - len(prompt["prompt_token_ids"])
        stretch, tried = _Stretch(prompt, params), set[Link]()
        while True:
            link, drawn = self.fleet.choose(request_id, tried), list[int]()
            tried.add(link)
            try:
                async with aclosing(
                    self.fleet.heeding(link, self._drafts(link, stretch, request_id, options))
                ) as drafts:
                    async for draft in drafts:
                        drawn += draft.tokens
                        yield _output(request_id, prompt, draft)
                return
            except Fault as fault:
                _refuse(fault, begun=bool(stretch.drawn or drawn))
                stretch = self._rest(link, stretch, tuple(drawn))

    def _drafts(
        self, link: Link, stretch: _Stretch, request_id: str, options: Mapping[str, Any]
    ) -> AsyncGenerator[Draft, None]:
        own = copy.deepcopy(stretch.params)  # checking them, vLLM makes a grammar of a choice, for a backend of its own
        checked = self.input_processor.process_inputs(
            request_id, stretch.prompt, own, _TASKS, priority=options.get("priority") or 0
        )
        reading = Reading(checked, stretch.params, self.renderer.tokenizer, self._vocabulary)
        body = asking.body(
            self._model,
            stretch.prompt["prompt_token_ids"],
            stretch.params,
            self.model_config.max_logprobs,
            options,
            stretch.prompt.get("cache_salt"),
        )
        return link.generate(body, asking.headers(options), reading)

    def _rest(self, link: Link, stretch: _Stretch, drawn: tuple[int, ...]) -> _Stretch:
        """Return what is left of an answer that was lost. NoUpstream if it cannot be gone on with (rule 3)."""
        if drawn and (stretch.params.structured_outputs is not None or looks_back(stretch.params)):
            raise NoUpstream
        if drawn:
            self._observer.upstream_resumed(link.url)
        return stretch.after(drawn)

    async def meet(self, link: Link) -> None:
        """Return if an upstream serves our model, and as we need it. Fault, which names the remedy, if it does not."""
        _check_models(await link.fetch("GET", "/v1/models"), self._model, self.model_config.max_model_len)
        text = {"model": self._model, "prompt": _PROBE, "add_special_tokens": False}
        read = await link.fetch("POST", "/tokenize", json=text)
        tokens = list(self.renderer.tokenizer.encode(_PROBE, add_special_tokens=False))
        if not isinstance(read, dict) or read.get("tokens") != tokens:
            raise Fault("wrong", f"its tokenizer is not that of {self._model}: name the model that it serves")
        params = SamplingParams(max_tokens=1, output_kind=RequestOutputKind.DELTA, detokenize=False)
        prompt = {"type": "token", "prompt_token_ids": tokens}
        async with aclosing(self._drafts(link, _Stretch(prompt, params), "meeting", {})) as drafts:
            async for _ in drafts:
                pass

    def check_admission(self, n: int = 1, request_id: str | None = None) -> None:
        """Refuse a request, while its answer has no head yet, if there is nobody to answer it. NoUpstream."""
        if not self.is_running:
            raise NoUpstream

    async def is_paused(self) -> bool:
        """Return False if any upstream says that it is well. NoUpstream if none does."""
        for link in self.fleet.up:
            with suppress(Fault):
                await link.check_health()
                return False
        raise NoUpstream

    async def get_supported_tasks(self) -> tuple[str, ...]:
        """Return the tasks that it supports: it generates."""
        return _TASKS

    async def is_tracing_enabled(self) -> bool:
        """Return True: what traces a request travels with it."""
        return True

    def shutdown(self, timeout: float | None = None) -> None:
        """Do nothing: connections are closed when the last answer has been sent."""


async def _nothing(self: Any, *args: Any) -> None:
    """Do nothing."""


def _unable(name: str) -> Callable[..., NoReturn]:
    def refuse(self: Any, *args: Any, **kwargs: Any) -> NoReturn:
        raise NotImplementedError(f"{name}: ask the upstreams for it, each by itself")

    return refuse


NOTHING = {
    "abort": "an answer ends upstream when it is left here",
    "check_health": "this process is alive, and no restart of it brings upstreams back",
    "do_log_stats": "the statistics of engines are told by the upstreams",
}
"""What there is nothing to do for, and why."""
for _name in UpstreamClient.__abstractmethods__:
    setattr(UpstreamClient, _name, _nothing if _name in NOTHING else _unable(_name))
UpstreamClient.__abstractmethods__ = frozenset()


def _output(request_id: str, prompt: Mapping[str, Any], draft: Draft) -> RequestOutput:
    choice = CompletionOutput(
        0,
        "",
        list(draft.tokens),
        None,
        draft.logprobs,
        finish_reason=draft.finish_reason,
        stop_reason=draft.stop_reason,
    )
    return RequestOutput(request_id, None, prompt["prompt_token_ids"], None, [choice], draft.finish_reason is not None)


def _refuse(fault: Fault, *, begun: bool) -> None:
    """Tell the client, if it is its request that an upstream refuses."""
    if fault.trouble == "refused" and not begun:
        named = fault.parameter or "this request"
        raise VLLMValidationError(f"the model's server refuses {named}", parameter=fault.parameter)


def _check_models(said: Any, model: str, max_model_len: int) -> None:
    """Fault if a list of models has not this one, or not as long."""
    cards = said.get("data") if isinstance(said, dict) else None
    served = {card.get("id"): card for card in cards or () if isinstance(card, dict)}
    if model not in served:
        names = ", ".join(str(name)[:80] for name in list(served)[:5]) or "no model"
        raise Fault(
            "wrong", f"it serves {names}, not {model}: start it with --served-model-name {model}, or name its model"
        )
    length = served[model].get("max_model_len")
    if isinstance(length, int) and length < max_model_len:
        raise Fault("wrong", f"it takes {length} tokens, not {max_model_len}: say --max-model-len {length} here")
