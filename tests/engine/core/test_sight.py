"""What a probe sees in a worker, handed out with the tokens of each step, and how it turns logits."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from vllm.v1.outputs import ModelRunnerOutput

from server.engine.core import sight as module
from server.engine.core.sight import SEEN, WEIGHTS, Copy, Heads, Sight, is_watched, watch
from server.engine.core.worker import RewindingWorker

WIDTH, VOCABULARY, NUMBERS = 8, 12, 4
HEAD = torch.arange(WIDTH * VOCABULARY, dtype=torch.float32).reshape(VOCABULARY, WIDTH) / 50


def tensors(width: int = WIDTH) -> dict[str, torch.Tensor]:
    chance = torch.Generator().manual_seed(0)
    away = torch.randn(width, generator=chance)
    return {
        "rows": torch.randn(NUMBERS, width, generator=chance),
        "away": away / away.norm(),
        "level": torch.tensor(0.25),
        "push": torch.tensor(2.0),
    }


def sight() -> Sight:
    return Sight(Heads(tensors(), "cpu"), torch.float32, lambda states: states @ HEAD.T)


class FirstRunner:
    """As vLLM's first runner: states and logits wait between two calls."""

    device = "cpu"

    def __init__(self, states: torch.Tensor, deferred: bool) -> None:
        names = [f"r{at}" for at in range(len(states))]
        self.model = SimpleNamespace(compute_logits=lambda states: states @ HEAD.T)
        self.bias = SimpleNamespace(sight=None)
        every = SimpleNamespace(all=[object(), self.bias])
        self.input_batch = SimpleNamespace(req_ids=[*names, "gone"], logitsprocs=every)
        self.execute_model_state: Any = SimpleNamespace(sample_hidden_states=states)
        self._output = ModelRunnerOutput(names, {name: at for at, name in enumerate(names)}, [[1]] * len(names))
        self._deferred = deferred

    def sample_tokens(self, grammar_output: Any) -> Any:
        state, self.execute_model_state = self.execute_model_state, None
        if state is None:
            return None
        return SimpleNamespace(get_output=lambda: self._output) if self._deferred else self._output


class SecondRunner(FirstRunner):
    """As vLLM's second runner: states are picked where they are sampled from."""

    def __init__(self, states: torch.Tensor, deferred: bool) -> None:
        super().__init__(states, deferred)
        padded = torch.cat([torch.zeros(1, WIDTH), states])
        self.sampler = SimpleNamespace(logits_processors=[self.bias])
        self._batch = SimpleNamespace(logits_indices=torch.arange(1, len(padded)), req_ids=self._output.req_ids)
        self._states = padded

    def sample(self, hidden_states: torch.Tensor, input_batch: Any, grammar_output: Any) -> None: ...

    def sample_tokens(self, grammar_output: Any) -> Any:
        if self.execute_model_state is not None:
            self.sample(self._states, self._batch, grammar_output)
        return super().sample_tokens(grammar_output)


RUNNERS = pytest.mark.parametrize(
    ("kind", "v2"), [(FirstRunner, False), (SecondRunner, True)], ids=["first runner", "second runner"]
)


def step(runner: Any, deferred: bool) -> ModelRunnerOutput:
    output = runner.sample_tokens(None)
    return output.get_output() if deferred else output


@RUNNERS
@pytest.mark.parametrize("deferred", [False, True], ids=["at once", "asynchronous"])
def test_a_step_hands_out_what_is_seen_of_each_request(kind: Callable[..., Any], v2: bool, deferred: bool) -> None:
    states = torch.randn(3, WIDTH)
    runner = kind(states, deferred)
    watch(runner, sight(), v2=v2)
    seen = getattr(step(runner, deferred), SEEN)
    assert list(seen) == ["r0", "r1", "r2"]
    for name, state in zip(seen, states, strict=True):
        assert np.allclose(np.frombuffer(seen[name], np.float32), tensors()["rows"] @ state, atol=1e-6)
    assert runner.sample_tokens(None) is None  # a step that has no states


@RUNNERS
def test_the_logits_processors_turn_by_the_states_of_the_step(kind: Callable[..., Any], v2: bool) -> None:
    states = torch.stack([tensors()["away"] * 3, tensors()["away"] * -3])
    runner = kind(states, False)
    watch(runner, sight(), v2=v2)
    step(runner, False)
    logits = states @ HEAD.T
    leaning, other = logits[0].clone(), logits[1].clone()
    runner.bias.sight.turn(leaning, 0)
    runner.bias.sight.turn(other, 1)
    lean = 2.0 * (3.0 - 0.25)
    assert torch.allclose(leaning, (states[0] - lean * tensors()["away"]) @ HEAD.T, atol=1e-4)
    assert torch.equal(other, logits[1]), "a state that leans no more than clean text loses nothing"


def test_what_a_grammar_forbids_stays_forbidden() -> None:
    looking = sight()
    looking.look(tensors()["away"][None] * 3)
    logits = torch.full((VOCABULARY,), float("-inf"))
    logits[2] = 1.0
    looking.turn(logits, 0)
    assert torch.isfinite(logits).tolist() == [at == 2 for at in range(VOCABULARY)]


def test_half_precision_is_seen_in_single_precision() -> None:
    states = torch.randn(2, WIDTH).bfloat16()
    found = Copy(Heads(tensors(), "cpu").look(states)).rows()
    assert np.allclose(np.frombuffer(found[1], np.float32), tensors()["rows"] @ states[1].float(), atol=1e-6)


def worker(width: int = WIDTH) -> Any:
    made: Any = RewindingWorker()
    made.model_runner = FirstRunner(torch.randn(1, WIDTH), False)
    config = SimpleNamespace(get_hidden_size=lambda: width, dtype=torch.float32)
    made.vllm_config = SimpleNamespace(model_config=config, use_v2_model_runner=False)
    return made


def test_a_worker_looks_once_however_often_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_file(tensors(), tmp_path / WEIGHTS)
    looking, watched = worker(), list[int]()

    def first(runner: Any, sight: Sight) -> Callable[[Any], Any]:
        watched.append(1)
        return lambda grammar: None

    monkeypatch.setattr(module, "_first", first)
    assert looking.unsay_look(str(tmp_path)) and looking.unsay_look(str(tmp_path))
    assert is_watched(looking.model_runner) and watched == [1]


def test_a_worker_does_not_look_at_states_of_another_width(tmp_path: Path) -> None:
    save_file(tensors(), tmp_path / WEIGHTS)
    looking = worker(width=WIDTH + 1)
    assert not looking.unsay_look(str(tmp_path)) and not is_watched(looking.model_runner)
