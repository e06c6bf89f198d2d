"""A probe at work in vLLM's workers: what the model's states say, token by token, and what is turned by it.

1. A state is what the logits of the next token are computed from: the last one, after the final norm. It belongs to
   the last token that the model has read, so what is seen comes with the token after it.
2. What is seen of a state is a row of numbers, linear in it (`Heads.look`): means over tokens are taken elsewhere, so
   nothing of a request is kept here, and a rewind has nothing to restore.
3. Turned logits are those of a state that leans less to where flagged words come from: they lose `delta`, times by how
   much the state leans more than that of clean text does.
4. Whatever takes one step of vLLM's to compute is copied while the next one runs: looking never waits for a GPU.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from vllm.v1.outputs import ModelRunnerOutput

WEIGHTS = "probe.safetensors"
SEEN = "unsay_seen"
"""Ours among the attributes of what a model runner hands out: rows of float32 as bytes, by request."""
_MARK = "unsay"


class Heads:
    """The linear parts of a probe: `rows` (numbers seen, width), and `away` (width), `level` and `push` for turning."""

    def __init__(self, tensors: Mapping[str, torch.Tensor], device: Any) -> None:
        self.rows = tensors["rows"].float().to(device)
        self.away = tensors["away"].float().to(device)
        self.level = float(tensors["level"])
        self.push = float(tensors["push"])

    @classmethod
    def load(cls, folder: str, device: Any) -> "Heads":
        """Load what `unsay fit-probe` has written."""
        return cls(load_file(Path(folder) / WEIGHTS), device)

    def look(self, states: torch.Tensor) -> torch.Tensor:
        """Return the numbers seen of each state, in float32."""
        return states.float() @ self.rows.T

    def lean(self, states: torch.Tensor) -> torch.Tensor:
        """Return for each state how much of `away` it is to lose; 0 where it leans no more than clean text."""
        return (self.push * (states.float() @ self.away - self.level)).clamp(min=0)


class Sight:
    """Looks at the states of each step, for the logits processors too: `delta` (vocabulary) is `away` in logits."""

    def __init__(
        self, heads: Heads, dtype: torch.dtype, compute_logits: Callable[[torch.Tensor], torch.Tensor | None]
    ) -> None:
        self._heads = heads
        with torch.inference_mode():
            logits = compute_logits(heads.away[None].to(dtype))
        self.delta = None if logits is None else logits[0].float()
        self._states: torch.Tensor | None = None

    def look(self, states: torch.Tensor) -> "Copy":
        """Look at the states of a step, a row for each request in the order of the batch."""
        self._states = states
        return Copy(self._heads.look(states))

    def turn(self, logits: torch.Tensor, row: int) -> None:
        """Turn the logits of a row of the batch, in place."""
        if self._states is not None and self.delta is not None:
            lean = self._heads.lean(self._states[row])
            logits.sub_(lean * self.delta[: logits.shape[0]])


class Copy:
    """Numbers on their way to the host."""

    def __init__(self, values: torch.Tensor) -> None:
        self._values = values
        self._done: torch.cuda.Event | None = None
        if values.is_cuda:
            self._values = torch.empty(values.shape, pin_memory=True).copy_(values, non_blocking=True)
            self._done = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self._done.record()

    def rows(self) -> list[bytes]:
        """Return them, a row for each request, once they are there."""
        if self._done is not None:
            self._done.synchronize()
        return [row.tobytes() for row in self._values.numpy()]


def watch(runner: Any, sight: Sight, *, v2: bool) -> None:
    """Have a model runner of vLLM's hand out what is seen of its states with every step's tokens."""
    watched = _second(runner, sight) if v2 else _first(runner, sight)
    setattr(watched, _MARK, True)
    runner.sample_tokens = watched
    for each in _biases(runner, v2=v2):
        each.sight = sight


def is_watched(runner: Any) -> bool:
    """Return whether `watch` was called for it."""
    return hasattr(runner.sample_tokens, _MARK)


def _first(runner: Any, sight: Sight) -> Callable[[Any], Any]:
    sample = runner.sample_tokens

    def sample_tokens(grammar_output: Any) -> Any:
        state = runner.execute_model_state
        if state is None or state.sample_hidden_states is None:
            return sample(grammar_output)
        states = state.sample_hidden_states
        names = list(runner.input_batch.req_ids[: states.shape[0]])
        seen = sight.look(states)
        return _with_seen(sample(grammar_output), names, seen)

    return sample_tokens


def _second(runner: Any, sight: Sight) -> Callable[[Any], Any]:
    sample, sample_tokens = runner.sample, runner.sample_tokens
    looked: list[tuple[list[str], Copy]] = []

    def sampled(hidden_states: torch.Tensor, input_batch: Any, grammar_output: Any) -> Any:
        states = hidden_states[input_batch.logits_indices]
        looked.append((list(input_batch.req_ids), sight.look(states)))
        return sample(hidden_states, input_batch, grammar_output)

    def with_what_was_looked_at(grammar_output: Any) -> Any:
        looked.clear()
        output = sample_tokens(grammar_output)
        return _with_seen(output, *looked[0]) if looked else output

    runner.sample = sampled
    return with_what_was_looked_at


def _biases(runner: Any, *, v2: bool) -> Sequence[Any]:
    """Return our logits processors (bias_v1.py, bias_v2.py) where the runner keeps them."""
    every = runner.sampler.logits_processors if v2 else runner.input_batch.logitsprocs.all
    return [each for each in every if hasattr(each, "sight")]


def _with_seen(output: Any, names: Sequence[str], seen: Copy) -> Any:
    """Return a step's output that has what is seen in it, once it is there."""
    if output is None:
        return output
    if isinstance(output, ModelRunnerOutput):
        setattr(output, SEEN, dict(zip(names, seen.rows(), strict=True)))
        return output
    get = output.get_output

    def get_output() -> Any:
        return _with_seen(get(), names, seen)

    output.get_output = get_output
    return output
