"""Trains the bundled language model: `python -m training.language_model --data DIR --out DIR`.

On a GPU if there is one, with the larger shape, else on the CPU with the smaller. Writes a Hugging Face folder that
vLLM serves as it is. `--minutes` bounds the run, and its learning rate falls with the clock. An interrupted run goes on
with `--resume`. Same seed, data and machine: same weights, unless `--minutes` ends the run.

Matrices are stepped by Muon (K. Jordan and others, 2024; its scale by J. Liu and others, 2025), the rest by AdamW.
"""

import argparse
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

from training import corpus, tokenizer
from training.console import say
from training.llama import CONTEXT, LARGE, SMALL, Shape, build, loss_of, perplexity, save
from training.windows import Windows

_WARM_UP = 0.02  # of the run
_FALL = 0.5  # of the run, at its end
_LONG = 0.9  # of the run, from which on windows are as long as the context
_SAVE_EVERY = 300.0  # seconds
_HELD_OUT_TOKENS = 20_000  # of each source, for the perplexity while training
_VOCABULARY_FROM = 12_000_000  # characters


@dataclass(frozen=True, slots=True)
class Plan:
    """How long to train: until `tokens` were read or `minutes` are over."""

    shape: Shape
    tokens: int
    minutes: float
    seed: int
    out: Path


@dataclass(slots=True)
class Progress:
    """Where a run stands."""

    tokens: int = 0
    seconds: float = 0.0

    def share(self, plan: Plan) -> float:
        """Return how far the run is, 0..1, by tokens or by the clock, whichever is further."""
        return max(self.tokens / plan.tokens, self.seconds / 60 / plan.minutes)


def rate_at(share: float) -> float:
    """Return the share of the full learning rate at 0..1 of the run: linearly up, level, then linearly down to 0."""
    return max(0.0, min(share / _WARM_UP, 1.0, (1 - share) / _FALL))


def steppers(model: torch.nn.Module, rate: float) -> list[torch.optim.Optimizer]:
    """Return Muon for the matrices within the layers and AdamW for embeddings and norms, both at `rate`."""
    inner = [weight for name, weight in model.named_parameters() if weight.ndim == 2 and "embed" not in name]
    rest = [weight for name, weight in model.named_parameters() if weight.ndim != 2 or "embed" in name]
    return [
        torch.optim.Muon(inner, lr=rate, weight_decay=0.05, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(rest, lr=rate / 2, betas=(0.9, 0.95), weight_decay=0.0, fused=True),
    ]


class Run:
    """A training run: model, steppers, data and how far it is."""

    def __init__(self, plan: Plan, tokens: dict[str, corpus.Tokens], device: str) -> None:
        torch.manual_seed(plan.seed)
        self._plan = plan
        self._device = device
        self.model = build(plan.shape).to(device)
        self._steppers = steppers(self.model, plan.shape.rate)
        self._windows = Windows(tokens, {source.name: source.share for source in corpus.SOURCES}, plan.seed)
        self.progress = Progress()

    def step(self) -> float:
        """Learn from one batch; return its loss in nats a token."""
        begun = time.monotonic()
        share = self.progress.share(self._plan)
        for stepper in self._steppers:
            for group in stepper.param_groups:
                group["lr"] = group.setdefault("full_lr", group["lr"]) * rate_at(share)
        loss = self._learn(CONTEXT if share >= _LONG else self._plan.shape.window)
        self.progress.tokens += self._plan.shape.batch
        self.progress.seconds += time.monotonic() - begun
        return loss

    def _learn(self, length: int) -> float:
        shape = self._plan.shape
        passes = max(1, shape.batch // shape.micro)
        total = 0.0
        for _ in range(passes):
            ids = self._windows.take(max(1, shape.batch // passes // length), length + 1).to(self._device)
            with torch.autocast(self._device, torch.bfloat16):
                value = loss_of(self.model, ids) / passes
            value.backward()  # type: ignore[no-untyped-call]
            total += float(value.detach())
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for stepper in self._steppers:
            stepper.step()
            stepper.zero_grad()
        return total

    def keep(self, path: Path) -> None:
        """Write all that `resume` needs, whole or not at all."""
        state = {
            "model": self.model.state_dict(),
            "steppers": [stepper.state_dict() for stepper in self._steppers],
            "position": self._windows.position,
            "tokens": self.progress.tokens,
            "seconds": self.progress.seconds,
        }
        torch.save(state, path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)

    def resume(self, path: Path) -> None:
        """Go on where `keep` was called. OSError if it never was."""
        state = torch.load(path, map_location=self._device, weights_only=True)
        self.model.load_state_dict(state["model"])
        for stepper, kept in zip(self._steppers, state["steppers"], strict=True):
            stepper.load_state_dict(kept)
        self._windows.position = state["position"]
        self.progress = Progress(state["tokens"], state["seconds"])


def train(run: Run, plan: Plan, held_out: dict[str, corpus.Tokens], made: Tokenizer, device: str) -> None:
    """Step until the plan is fulfilled; report progress, and save what was learnt every five minutes."""
    smooth, kept, number = 0.0, run.progress.seconds, 0
    while run.progress.share(plan) < 1:
        loss = run.step()
        smooth = loss if not number else smooth + (loss - smooth) * 0.05
        number += 1
        if number % 20 == 0:
            say(_line(run, plan, smooth))
        if run.progress.seconds - kept > _SAVE_EVERY:
            kept = run.progress.seconds
            run.keep(plan.out / "run.pt")
            save(run.model, made, plan.out)
            say(_table(run.model, held_out, device))
    run.keep(plan.out / "run.pt")
    save(run.model, made, plan.out)
    say("ended: " + _table(run.model, held_out, device))


def _line(run: Run, plan: Plan, loss: float) -> str:
    done = run.progress
    speed = done.tokens / max(done.seconds, 1e-9)
    return (
        f"{done.share(plan):.1%} {done.tokens:,} tokens, {done.seconds / 60:.1f} min, {speed:,.0f}/s, loss {loss:.3f}"
    )


def _table(model: Any, held_out: dict[str, corpus.Tokens], device: str) -> str:
    each = {name: perplexity(model, tokens, device, _HELD_OUT_TOKENS) for name, tokens in held_out.items()}
    return "held-out perplexity: " + ", ".join(f"{name} {value:.1f}" for name, value in each.items())


def _tokenizer(plan: Plan, data: Path, start: Path | None) -> Tokenizer:
    """Return the tokenizer of the model to start from, or that of an earlier run in this folder, or a new one."""
    path = (start or plan.out) / "tokenizer.json"
    if not path.exists():
        say(f"learning {plan.shape.vocabulary} tokens")
        tokenizer.save(tokenizer.learn(corpus.sample(data, _VOCABULARY_FROM), plan.shape.vocabulary), plan.out, CONTEXT)
    return Tokenizer.from_file(str(path))


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the texts")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--tokens", type=int, default=150_000_000, help="how many to read at most")
    parser.add_argument("--minutes", type=float, default=1e9, help="how long to train at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2, help="on a CPU")
    parser.add_argument("--rate", type=float, help="the full learning rate, other than the shape's own")
    parser.add_argument("--start", type=Path, help="begin with the weights and the tokenizer in this folder")
    parser.add_argument("--resume", action="store_true", help="go on with the run that was broken off in --out")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    shape = LARGE if device == "cuda" else SMALL
    if args.rate:
        shape = replace(shape, rate=args.rate)
    plan = Plan(shape, args.tokens, args.minutes, args.seed, args.out)
    args.out.mkdir(parents=True, exist_ok=True)
    made = _tokenizer(plan, args.data, args.start)
    run = Run(plan, corpus.load(args.data, made), device)
    if args.start:
        run.model.load_state_dict(load_file(args.start / "model.safetensors"), strict=False)
    if args.resume:
        run.resume(args.out / "run.pt")
    held_out = {name: tokens for name, tokens, _ in corpus.held_out(args.data, made)}
    say(f"{sum(weight.numel() for weight in run.model.parameters()):,} parameters, on {device}")
    train(run, plan, held_out, made, device)


if __name__ == "__main__":
    main()
