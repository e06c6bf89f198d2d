"""The ways to run a loaded classifier: exactly, and roughly where that is faster and not too rough.

The rules:
1. The model itself decides: one of our ways is used only if at the start it agrees with the model, within a bound.
2. A rough pass has a margin, in log odds: its error at the start, many times over. What the margin leaves in doubt has
   to be run exactly.
3. What is meant to be faster is used only if it is so here and now: without the instructions for it, int8 is 14 times
   slower than single precision.
4. Where anything is unknown, unsupported or too far off, the model itself is run by transformers.
"""

import logging
import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from filters.scorers.encoder import read_encoder
from filters.scorers.heads import Output, seen_after
from filters.scorers.linears import BFloat16, Full, Half, Int8, OneDnn
from filters.scorers.packed import PackedForward
from filters.scorers.pieces import bundles

_log = logging.getLogger(__name__)

Pieces = Sequence[Sequence[int]]
Forward = Callable[[Pieces], Output]
"""Log odds and embeddings on the CPU, in order, of the ids of at least one piece."""

TRIALS = 48
_TRIAL_TOKENS = 46
EXACT_WITHIN = 1e-3
"""Log odds: about what single precision leaves of them, in whatever order it adds up."""
MARGIN_ERRORS = 16
"""The worst error seen on 8,000 spans and 6,000 beginnings of held-out texts was 10 root mean squares of the trials."""
MARGIN_MOST = 2.0
"""With more than this a rough pass would leave too much in doubt to be worth it."""
WORTH = 0.8
"""The largest share of the present way's time that another way may take: what a rough pass leaves in doubt is run by
both."""
_TIMED = 8  # pieces
_TIMES = 3
_GLANCED = 2  # pieces
_HOPELESS = 4.0
"""A way that takes this many times the present one's over a few pieces is not tried on all: that can take a minute."""


@dataclass(frozen=True, slots=True)
class Passes:
    """`exact` always; `rough`, if there is one, is at most `margin` away from it.

    `trials` are what exact and rough say of the same pieces: for what is computed from their outputs (heads.py).
    """

    exact: Forward
    rough: Forward | None = None
    margin: float = 0.0
    trials: tuple[Output, Output] | None = None


class PlainForward:
    """The model as transformers runs it, over padded pieces."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self._model = model
        self._tokenizer = tokenizer

    def __call__(self, pieces: Pieces) -> Output:
        """As `Forward`."""
        logits: dict[int, torch.Tensor] = {}
        embeddings: dict[int, torch.Tensor] = {}
        for bundle in bundles([len(piece) for piece in pieces]):
            padded = self._tokenizer.pad([{"input_ids": pieces[index]} for index in bundle], return_tensors="pt")
            with torch.inference_mode():
                said = self._model(**padded.to(self._model.device), output_hidden_states=True)
                lengths = [len(pieces[index]) for index in bundle]
                found = _embedded(said.hidden_states, lengths)
            logits.update(zip(bundle, said.logits.cpu(), strict=True))
            embeddings.update(zip(bundle, found.cpu(), strict=True))
        order = range(len(pieces))
        return Output(torch.stack([logits[at] for at in order]), torch.stack([embeddings[at] for at in order]))


def _embedded(states: Sequence[torch.Tensor], lengths: Sequence[int]) -> torch.Tensor:
    """Return the embeddings (pieces, width), from the states before the first layer and after each one."""
    seen = (states[0], states[seen_after(len(states) - 1)])
    means = [
        torch.stack([row[:length].mean(dim=0) for row, length in zip(each, lengths, strict=True)]) for each in seen
    ]
    return torch.cat([*means, states[-1][:, 0]], dim=1)


def passes(model: Any, tokenizer: Any, limit: int, clock: Callable[[], float] = time.perf_counter) -> Passes:
    """Return the ways to run this model (`limit` tokens at once at most) after a few trial runs; `clock` in seconds."""
    plain = PlainForward(model, tokenizer)
    encoder = read_encoder(model)
    if encoder is None:
        return Passes(plain)
    trials = _trials(tokenizer, min(limit, len(encoder.places)))
    expected = plain(trials)
    exact = PackedForward(encoder, Full)
    if not _error(exact, trials, expected, worst=True) < EXACT_WITHIN:
        _log.warning("a classifier of type %s is run by transformers", model.config.model_type)
        return Passes(plain)
    on_cpu = model.device.type == "cpu"
    if on_cpu:
        tuned = PackedForward(encoder, OneDnn)
        is_exact = _error(tuned, trials, expected, worst=True) < EXACT_WITHIN
        exact = tuned if is_exact and _is_worth("oneDNN", tuned, exact, trials[:_TIMED], clock) else exact
    found = Passes(exact)
    for kind in (BFloat16, Int8) if on_cpu else (Half,):
        found = _rougher(PackedForward(encoder, kind), found, trials, expected, clock)
    return found


def _rougher(new: PackedForward, known: Passes, trials: Pieces, expected: Output, clock: Callable[[], float]) -> Passes:
    """Return the passes with this rough one, if it is near enough and faster than what there is."""
    fastest = known.rough or known.exact
    if _is_hopeless(new, fastest, trials[:_GLANCED], expected.first(_GLANCED), clock):
        return known
    margin = MARGIN_ERRORS * _error(new, trials, expected, worst=False)
    name = f"the rough pass in {new.kind.__name__}"
    if not margin <= MARGIN_MOST or not _is_worth(name, new, fastest, trials[:_TIMED], clock):
        return known
    return Passes(known.exact, new, margin, (expected, new(trials)))


def _is_hopeless(new: Forward, known: Forward, pieces: Pieces, expected: Output, clock: Callable[[], float]) -> bool:
    """Return whether a way cannot be run here, or is so slow that one look is enough."""
    if math.isinf(_error(new, pieces, expected, worst=False)):
        return True
    slow, fast = _times(new, known, pieces, clock)
    share = slow / fast
    if share >= _HOPELESS:
        _log.info("a rough pass takes %.1f times the time of what there is: left out", share)
    return share >= _HOPELESS


def _is_worth(name: str, new: Forward, known: Forward, pieces: Pieces, clock: Callable[[], float]) -> bool:
    """Return whether a way saves time. Both have run before; the best of a few alternating runs counts."""
    times = [_times(new, known, pieces, clock) for _ in range(_TIMES)]
    fastest, fastest_known = (min(column) for column in zip(*times, strict=True))
    share = fastest / fastest_known
    worth: bool = share <= WORTH
    _log.info("%s takes %.2f of the time of what there is: %s", name, share, "used" if worth else "left out")
    return worth


def _times(new: Forward, known: Forward, pieces: Pieces, clock: Callable[[], float]) -> tuple[float, float]:
    return _seconds(new, pieces, clock), _seconds(known, pieces, clock)


def _seconds(forward: Forward, pieces: Pieces, clock: Callable[[], float]) -> float:
    began = clock()
    forward(pieces)
    return clock() - began


def _trials(tokenizer: Any, limit: int) -> list[list[int]]:
    """Return pieces of arbitrary tokens, of many lengths, the same ones every time."""
    rng = random.Random(TRIALS)
    vocabulary = sorted(set(range(len(tokenizer))) - set(tokenizer.all_special_ids))
    first, *last = tokenizer("").input_ids
    longest = min(limit - 1 - len(last), _TRIAL_TOKENS)
    return [[first, *rng.choices(vocabulary, k=rng.randint(1, longest)), *last] for _ in range(TRIALS)]


def _error(forward: Forward, trials: Pieces, expected: Output, *, worst: bool) -> float:
    """Return the worst error, or that of log odds as root mean square; infinite where it cannot be run here."""
    try:
        found = forward(trials)
        errors = (found.logits - expected.logits).abs()
        if worst:
            errors = torch.cat([errors, (found.embeddings - expected.embeddings).abs()], dim=1)
    except (AttributeError, RuntimeError) as reason:  # an operation that this build of torch does not have
        _log.info("a way to run the classifier is not to be had here: %s", type(reason).__name__)
        return math.inf
    error = float(errors.max() if worst else errors.square().mean().sqrt())
    return error if math.isfinite(error) else math.inf
