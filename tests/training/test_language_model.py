import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer

from training import corpus, language_model, llama, tokenizer
from training.language_model import Plan, Run
from training.llama import Shape

_TINY = Shape(layers=1, width=64, inner=64, vocabulary=280, window=16, batch=128, micro=64, rate=1e-2)


@pytest.fixture(scope="module")
def made() -> Tokenizer:
    return tokenizer.learn(["The ferry to Oslo leaves at noon."] * 3, 280)


@pytest.fixture(scope="module")
def tokens(made: Tokenizer) -> dict[str, corpus.Tokens]:
    text = "The ferry to Oslo leaves at noon and comes back at night. " * 200
    return {"encyclopedia": corpus._tokens([text], made)}


def _plan(out: Path, tokens: int = 128 * 30) -> Plan:
    return Plan(_TINY, tokens, minutes=1e9, seed=0, out=out)


@pytest.mark.parametrize(
    ("share", "rate"), [(0.0, 0.0), (0.01, 0.5), (0.02, 1.0), (0.5, 1.0), (0.75, 0.5), (1.0, 0.0), (1.1, 0.0)]
)
def test_the_learning_rate_rises_stays_and_falls(share: float, rate: float) -> None:
    assert language_model.rate_at(share) == pytest.approx(rate)


def test_it_learns_and_writes_what_is_served(tokens: dict[str, corpus.Tokens], made: Tokenizer, tmp_path: Path) -> None:
    plan = _plan(tmp_path)
    run = Run(plan, tokens, "cpu")
    before = llama.perplexity(run.model, tokens["encyclopedia"], "cpu", 1_100)
    language_model.train(run, plan, tokens, made, "cpu")
    after = llama.perplexity(run.model, tokens["encyclopedia"], "cpu", 1_100)
    assert after < before / 3
    read = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert read.dtype == torch.bfloat16
    assert (tmp_path / "model.safetensors").stat().st_size < 2.2 * sum(w.numel() for w in read.parameters()) + 10_000
    assert read.config.max_position_embeddings == llama.CONTEXT
    ids = torch.tensor([AutoTokenizer.from_pretrained(tmp_path)("The ferry to").input_ids])
    assert math.isfinite(float(read(input_ids=ids).logits.detach().sum()))


def test_a_run_broken_off_goes_on_as_if_it_had_not_been(tokens: dict[str, corpus.Tokens], tmp_path: Path) -> None:
    plan = _plan(tmp_path)
    whole, first, second = (Run(plan, tokens, "cpu") for _ in range(3))
    for _ in range(4):
        whole.step()
    first.step()
    first.step()
    first.keep(tmp_path / "run.pt")
    second.resume(tmp_path / "run.pt")
    second.step()
    second.step()
    assert second.progress.tokens == whole.progress.tokens
    for name, weight in whole.model.state_dict().items():
        assert torch.allclose(weight, second.model.state_dict()[name], atol=1e-6), name


def test_the_clock_or_the_tokens_end_a_run_whichever_is_first(tmp_path: Path) -> None:
    plan = replace(_plan(tmp_path, tokens=1_000), minutes=2.0)
    assert language_model.Progress(500, 30.0).share(plan) == 0.5
    assert language_model.Progress(500, 90.0).share(plan) == 0.75


def test_matrices_go_to_muon_and_everything_else_to_adamw() -> None:
    model = llama.build(_TINY)
    muon, adam = language_model.steppers(model, 0.1)
    shapes = [weight.ndim for group in muon.param_groups for weight in group["params"]]
    assert shapes == [2] * 7
    held = sum(len(group["params"]) for group in muon.param_groups + adam.param_groups)
    assert held == len(list(model.parameters()))
