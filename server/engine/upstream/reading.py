"""What an upstream says: the events of vLLM's `/inference/v1/generate`, each of which is a draft.

1. What is not just as vLLM writes it is no answer (`Fault`): a token outside of the vocabulary, more tokens than were
   asked for, logprobs of other tokens than came, a stop reason that is not the last token, an event without news.
2. Events are bounded, and each brings tokens or the end: so is an answer.
3. Of what an upstream says in words nothing is passed on, neither to clients nor to the log.
"""

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Annotated, Any, Literal

import numpy
from pydantic import BaseModel, ConfigDict, Field, StrictInt, ValidationError
from vllm.sampling_params import SamplingParams
from vllm.v1.engine import EngineCoreOutput, EngineCoreRequest
from vllm.v1.engine.logprobs import LogprobsProcessor
from vllm.v1.outputs import LogprobsLists

from server.engine.upstream.faults import Fault
from server.generation.draft import Draft

MOST_BYTES = 8 * 1024 * 1024
"""Of one event: a token with a thousand alternatives takes some 60 kB."""
DONE = b"[DONE]"
_REPETITION = "repetition_detected"
"""The one stop reason in words, of a request without stop strings (vllm/v1/core/sched/utils.py)."""
_REFUSED = frozenset({400, 422})

_Token = Annotated[StrictInt, Field(ge=0)]


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class _Alternative(_Said):
    token_id: _Token
    logprob: float
    rank: Annotated[StrictInt, Field(ge=1)] | None = None


class _Entry(_Alternative):
    top_logprobs: tuple[_Alternative, ...] = ()


class _Logprobs(_Said):
    content: tuple[_Entry, ...]


class _Choice(_Said):
    index: Literal[0]
    token_ids: tuple[_Token, ...] = ()
    logprobs: _Logprobs | None = None
    finish_reason: Literal["stop", "length", "abort", "repetition"] | None = None
    stop_reason: _Token | Literal["repetition_detected"] | None = None


class _Event(_Said):
    choices: tuple[_Choice]


async def events(parts: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """Yield the data of each event, as they come in. Fault for one of more than `MOST_BYTES`."""
    waiting = b""
    async with aclosing(parts):
        async for part in parts:
            *lines, waiting = (waiting + part).split(b"\n")
            if max(map(len, (*lines, waiting))) > MOST_BYTES:
                raise Fault("wrong", f"an event of more than {MOST_BYTES} bytes")
            for line in lines:
                if line.startswith(b"data:"):
                    yield line.removeprefix(b"data:").strip()


class Reading:
    """Reads one answer to a request for `params`, which say a number of tokens. `tokenizer` spells its logprobs."""

    def __init__(self, request: EngineCoreRequest, params: SamplingParams, tokenizer: Any, vocabulary: int) -> None:
        self._most: int = params.max_tokens
        self._vocabulary = vocabulary
        self._count = 0
        self._alternatives = params.logprobs
        # vLLM's own, as its engine's client has it: it spells bytes of a character with those before them.
        self._spelled = LogprobsProcessor.from_new_request(tokenizer if params.detokenize else None, request)

    def read(self, data: bytes) -> Draft:
        """Return the draft of an event. Fault if it is none."""
        try:
            (choice,) = _Event.model_validate_json(data).choices
        except ValidationError:
            raise _fault(data, begun=self._count > 0) from None
        if choice.finish_reason == "abort":
            raise Fault("lost", "it has ended the answer")
        self._check(choice)
        self._count += len(choice.token_ids)
        return Draft(choice.token_ids, self._logprobs(choice), choice.finish_reason, choice.stop_reason)

    def _check(self, choice: _Choice) -> None:
        tokens, stop = choice.token_ids, choice.stop_reason
        if not tokens and choice.finish_reason is None:
            raise Fault("wrong", "an event without tokens that ends nothing")
        named = (each.token_id for entry in _content(choice) for each in (entry, *entry.top_logprobs))
        if max((*tokens, *named), default=0) >= self._vocabulary:
            raise Fault("wrong", "a token that the model does not have: it serves another one")
        if self._count + len(tokens) > self._most:
            raise Fault("wrong", "more tokens than it was asked for")
        if self._count + len(tokens) == self._most and choice.finish_reason is None:
            raise Fault("wrong", "an answer that goes on after the last token that it was asked for")
        if isinstance(stop, int) and tokens[-1:] != (stop,):
            raise Fault("wrong", "a stop token that was not drawn")
        if (stop == _REPETITION) != (choice.finish_reason == "repetition") or (stop and choice.finish_reason is None):
            raise Fault("wrong", "a reason that is not of an end")
        wanted = tokens if self._alternatives is not None else ()
        if tuple(entry.token_id for entry in _content(choice)) != wanted:
            raise Fault("wrong", "logprobs of other tokens than came")

    def _logprobs(self, choice: _Choice) -> Sequence[Any] | None:
        """Return the logprobs as vLLM's engine client would: the drawn token first, then the likeliest ones."""
        if self._alternatives is None or not choice.token_ids:
            return None
        rows = [_row(entry, self._alternatives) for entry in _content(choice)]
        found = LogprobsLists(
            [numpy.array([token for token, _ in row]) for row in rows],
            [numpy.array([logprob for _, logprob in row]) for row in rows],
            [numpy.array(entry.rank or 0) for entry in _content(choice)],
        )
        self._spelled.update_from_output(EngineCoreOutput("", list(choice.token_ids), new_logprobs=found))
        return list(self._spelled.logprobs[-len(rows) :])


def _content(choice: _Choice) -> tuple[_Entry, ...]:
    return choice.logprobs.content if choice.logprobs else ()


def _row(entry: _Entry, count: int) -> list[tuple[int, float]]:
    """Return the drawn token and the `count` likeliest, by rank, each with its logprob."""
    ranked: dict[int | None, _Alternative] = {entry.rank: entry}
    # Of two of one rank it was the other that stood among the likeliest.
    ranked |= {each.rank: each for each in entry.top_logprobs if each.token_id != entry.token_id}
    likeliest = [ranked[rank] for rank in range(1, count + 1) if rank in ranked]
    return [(each.token_id, each.logprob) for each in (entry, *likeliest)]


def _fault(data: bytes, *, begun: bool) -> Fault:
    """Return what is wrong with an event that is no draft: mostly it tells of an error."""
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        return Fault("wrong", "an event that is not JSON")
    match said:
        case {"error": {"code": int(code), "param": param}} if code in _REFUSED and not begun:
            return Fault(
                "refused", f"it refuses the request ({code})", parameter=param if _is_parameter(param) else None
            )
        case {"error": {"code": int(code)}}:
            return Fault("lost", f"an error in its answer ({code})")
        case _:
            return Fault("wrong", "an event that is not of vLLM's generate protocol")


def _is_parameter(name: object) -> bool:
    return isinstance(name, str) and name in SamplingParams.__struct_fields__
