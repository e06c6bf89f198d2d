"""The guarded engine client: what vLLM's own server gets in place of its engine.

Every member of EngineClient is passed on to the engine; only `generate` is ours. So there is no unguarded route,
whatever routes vLLM's server has. What cannot be guarded is refused, never let through.
"""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Any

from vllm.engine.protocol import EngineClient
from vllm.exceptions import RetryableRequestError, VLLMClientError
from vllm.outputs import RequestOutput
from vllm.sampling_params import RequestOutputKind, SamplingParams

from server.engine import refusals
from server.engine.admission import admit, demanded, without_changes
from server.engine.alternatives import Alternatives, AlternativeScores
from server.engine.answer import Answer, Choice, ChoiceEngine, ChoiceOutput, GenerateCall
from server.engine.delegate import Delegate
from server.engine.drafting.detokenize import detokenizers, unfinished_word
from server.engine.drafting.exact import ExactEngine, rewinds_of
from server.engine.drafting.request import EngineRequest
from server.engine.drafting.resubmit import ResubmittingEngine
from server.engine.recording import Recording, check_records, join
from server.engine.room import check_room, taken_in
from server.engine.unguarded import Unguarded
from server.errors import ScorerDown, ShuttingDown
from server.generation.guarded import Guarded
from server.generation.outlet import merge
from server.generation.prompt import Prompt, Prompted, last_part, on_prompt
from server.generation.report import Report
from server.generation.request import GuardedRequest, current
from server.generation.services import Services
from server.generation.telling import ChoiceRecord
from server.generation.trace import ChoiceTrace
from server.generation.transcript import Transcript
from server.guard.state import GuardState
from server.policy.policy import Policy

GREEDY = 1e-5
"""The temperature below which vLLM takes the likeliest token."""


class GuardedEngineClient(Delegate):
    """An EngineClient whose text was cleared. `default` gives the policy where no request says otherwise.

    `exact`: the engine behind `inner` rewinds by itself (server/engine/core/arming.py).
    """

    spells = True
    """Whether the engine behind `inner` gives text too."""

    def __init__(
        self, inner: EngineClient, services: Services, default: Callable[[], Policy], *, exact: bool = False
    ) -> None:
        super().__init__(inner)
        self.services = services
        self._default = default
        self.exact = exact
        self.alternative_scores = AlternativeScores(services.judge)
        self._unguarded = Unguarded(inner, services.ending, services.capacity, services.records)

    @property
    def default_policy(self) -> Policy:
        """The policy that holds where no request says otherwise."""
        return self._default()

    @property
    def input_processor(self) -> Any:
        """The engine's. vLLM's beam search asks it before it draws anything, and is refused there, on every route."""
        return _WithoutBeams(self.inner.input_processor)

    def check_admission(self, n: int = 1, request_id: str | None = None) -> None:
        """Refuse a request for which there is no room: vLLM asks before it prepares one."""
        check_room(current.get() or GuardedRequest(self.default_policy), n, self.services.capacity)

    def generate(
        self, prompt: Any, sampling_params: SamplingParams, request_id: str, **options: Any
    ) -> AsyncGenerator[RequestOutput, None]:
        """Generate, guarded. What cannot be guarded is refused at once, before any answer has begun."""
        request = current.get() or GuardedRequest(self.default_policy)
        self._check_open(request)
        if request.policy.mode == "off":
            refusals.check_unguarded(spells=self.spells)
            check_records(request, self.services.records)
            return self._unguarded.generate(prompt, without_changes(sampling_params), request_id, request, options)
        refusals.check_guardable(prompt, sampling_params)
        services = self.services.of(request.client)
        check_records(request, services.records)
        judged = self._judged(request, prompt)
        admit(request, demanded(self.inner, request, prompt, sampling_params, judged or ""), services.limits)
        if request.policy.mode == "enforce" and request.policy.on_scorer_failure == "closed":
            self._check_scorer(request)
        request.tokens += len(prompt["prompt_token_ids"])
        options.pop("prompt_text", None)
        join(request, self.inner, options)
        call = GenerateCall(prompt, sampling_params, request_id, request, options, request.reserve(sampling_params.n))
        return self._guarded(call, services, None if judged is None else Prompt(judged, request.policy, services))

    def _check_open(self, request: GuardedRequest) -> None:
        if self.services.ending.phase == "closed":
            request.shut_down = True
            raise ShuttingDown

    def _check_scorer(self, request: GuardedRequest) -> None:
        if not self.services.judge.available():
            request.scorer_down = "unavailable"
            raise ScorerDown("unavailable")

    async def _guarded(
        self, call: GenerateCall, services: Services, prompt: Prompt | None
    ) -> AsyncGenerator[RequestOutput, None]:
        choices = [self._choice(call, index, services, prompt) for index in range(call.params.n)]
        answer, ending, record = Answer(call, choices), self.services.ending, Recording(call, choices, services.records)
        _remember(call, choices, lambda: self._prompt_text(call.prompt, special=True))
        try:
            with taken_in(call.request, call.params.n, services.capacity), ending.during():
                async with aclosing(merge([choice.guard.pieces() for choice in choices])) as pieces:
                    while (said := await ending.unless_closed(anext(pieces, None))) is not None:
                        refusals.check_grammar(call.request, said[1].stop_reason)
                        if (output := await record.add(answer, *said)) is not None:
                            yield output
                self._export(call, choices)
        except (VLLMClientError, RetryableRequestError) as error:
            refusals.note(call.request, call.params, error)
            raise
        except (ScorerDown, ShuttingDown) as error:
            ended = _noted(error, call.request)
            if not call.request.started:
                raise
            async for output in answer.cut_short(ended):
                yield output
        finally:
            record.rest()

    def _export(self, call: GenerateCall, choices: Sequence[Choice]) -> None:
        """Hand over the pairs of an answer that was read to its end, each after the prompt with its special tokens.

        Pairs of a prompt with images are left out: its text does not say what the model saw.
        """
        if self.services.pairs is None or call.prompt["type"] != "token":
            return
        found = dict.fromkeys(pair for choice in choices for pair in choice.guard.pairs)
        prompt = self._prompt_text(call.prompt, special=True) if found else ""
        for pair in found:
            self.services.pairs.add(replace(pair, prompt=prompt + pair.prompt))

    def _judged(self, request: GuardedRequest, prompt: Mapping[str, Any]) -> str | None:
        """Return what is judged of a prompt, if the policy has it judged."""
        return None if on_prompt(request.policy) == "ignore" else self._prompt_text(prompt, special=False)

    def _prompt_text(self, prompt: Mapping[str, Any], *, special: bool) -> str:
        """Return the prompt as the model reads it, with or without special tokens: its ids say so on every route."""
        decode, ids = self.inner.renderer.tokenizer.decode, prompt["prompt_token_ids"]
        return last_part(ids, lambda part: str(decode(part, skip_special_tokens=not special)))

    def _choice(self, call: GenerateCall, index: int, services: Services, prompt: Prompt | None) -> Choice:
        tokenizer = self.inner.renderer.tokenizer
        lead = unfinished_word(tokenizer, call.prompt["prompt_token_ids"])
        engine = _engine(self.inner, call, index, exact=self.exact)
        guarded = self._guard(engine, call, index, services, lead)
        return Choice(
            engine,
            guarded if prompt is None else Prompted(guarded, prompt, waits=call.request.wants_moderation),
            ChoiceOutput(index, call.params),
            Alternatives(
                self.alternative_scores,
                call.request.policy,
                lambda token: str(tokenizer.decode([token])),
                frozenset(call.params.logprob_token_ids or ()),
                lead,
                call.request.client,
            ),
        )

    def _guard(self, engine: ChoiceEngine, call: GenerateCall, index: int, services: Services, lead: str) -> Guarded:
        make = detokenizers(self.inner.renderer.tokenizer, call.prompt["prompt_token_ids"], call.params)
        start = _start(call.params, exact=self.exact)
        transcript, number = Transcript(make, lead), call.first_choice + index
        return Guarded(
            engine,
            transcript,
            call.request.policy,
            services,
            start=start,
            greedy=call.params.temperature < GREEDY,
            retriable=lambda: start.whole or not call.request.started,
            spans=call.request.spans.choice(number),
            trace=ChoiceTrace(call.request.trace, number, transcript.spelled),
        )


def _remember(call: GenerateCall, choices: Sequence[Choice], prompt: Callable[[], str]) -> None:
    """Have the request know what tells of its choices; of the prompt, where the policy keeps it and it is all text."""
    keeps = call.request.policy.keep_text == "all" and call.prompt["type"] == "token"

    def answered(choice: Choice) -> ChoiceRecord:
        return replace(choice.guard.record(), prompt=prompt() if keeps else None)

    for number, choice in enumerate(choices, call.first_choice):
        call.request.answered[number] = partial(answered, choice)
        if call.request.policy.mode == "monitor":
            call.request.unsettled.append(choice.guard.tasks.ended)


def _engine(inner: EngineClient, call: GenerateCall, index: int, *, exact: bool) -> ChoiceEngine:
    own = call.params.clone()
    if own.seed is not None:
        own.seed += index  # as vLLM seeds the choices of one request
    step = call.request.policy.temperature_step
    request = EngineRequest(inner, call.prompt, own, call.request_id, call.options, step)
    return ExactEngine(request, rewinds_of(inner)) if exact else ResubmittingEngine(request)


def _start(params: SamplingParams, *, exact: bool) -> GuardState:
    structured = params.structured_outputs is not None
    return GuardState(
        whole=params.output_kind == RequestOutputKind.FINAL_ONLY,
        restart_only=structured and not exact,
        maskable=not structured,
        fixed_windows=params.seed is not None,
    )


class _WithoutBeams:
    """An input processor that takes no beam search."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def resolve_watermarking(self, params: Any) -> Any:
        """Refuse parameters that are not a sampler's."""
        refusals.check_sampling(params)
        return self._inner.resolve_watermarking(params)


def _noted(error: ScorerDown | ShuttingDown, request: GuardedRequest) -> Callable[[Report], Report]:
    """Note what ended a request's answer early; return what makes a choice's report that of its end."""
    if isinstance(error, ShuttingDown):
        request.shut_down = True
        return Report.shut_down
    reason = str(error)
    request.scorer_down = reason
    return lambda report: report.refused({}, reason)
