"""When is one policy looser than another? Tightening is free, loosening needs the right, so this is a safety rule.

1. Looser is decided key by key: a stricter threshold never pays for a looser mode.
2. What a policy may spend is compared too: more rewinds cost the operator.
3. Under `on_exhausted: flag` it also counts as looser to spend *less*: the sooner the budgets are gone, the sooner
   flagged text is released, so `max_rewinds: 0` would switch the guard off.
4. Keys that only move work around have no order: `first_stride`, `stride`, `max_stride`, `ladder`,
   `parallel_candidates`, `temperature_step`, `mask_text`.
"""

import math
from collections.abc import Iterator

from server.policy.policy import Mode, OnExhausted, OnPrompt, OnScorerFailure, Policy

# Each from the strictest to the loosest.
_MODES: tuple[Mode, ...] = ("enforce", "monitor", "off")
_ON_EXHAUSTED: tuple[OnExhausted, ...] = ("refuse", "truncate", "mask", "flag")
_ON_SCORER_FAILURE: tuple[OnScorerFailure, ...] = ("closed", "open")
_ON_PROMPT: tuple[OnPrompt, ...] = ("refuse", "score", "ignore")

_LOOSER_IF_SMALLER = ("context", "closing_context", "hold_back")
_BUDGETS = ("max_rewinds", "max_rewinds_per_span", "max_discarded_tokens", "max_rewind_seconds")


def loosened(base: Policy, wanted: Policy) -> tuple[str, ...]:
    """Names every key in which `wanted` is looser than `base`, such as `mode` or `thresholds.insult`."""
    return (*_ordered_words(base, wanted), *_thresholds(base, wanted), *_numbers(base, wanted))


def _ordered_words(base: Policy, wanted: Policy) -> Iterator[str]:
    if _MODES.index(wanted.mode) > _MODES.index(base.mode):
        yield "mode"
    if _ON_EXHAUSTED.index(wanted.on_exhausted) > _ON_EXHAUSTED.index(base.on_exhausted):
        yield "on_exhausted"
    if _ON_SCORER_FAILURE.index(wanted.on_scorer_failure) > _ON_SCORER_FAILURE.index(base.on_scorer_failure):
        yield "on_scorer_failure"
    if _ON_PROMPT.index(wanted.on_prompt) > _ON_PROMPT.index(base.on_prompt):
        yield "on_prompt"


def _thresholds(base: Policy, wanted: Policy) -> Iterator[str]:
    for category, score in base.thresholds.items():
        # A category without a threshold is never flagged.
        if wanted.thresholds.get(category, math.inf) > score:
            yield f"thresholds.{category}"


def _numbers(base: Policy, wanted: Policy) -> Iterator[str]:
    for key in _LOOSER_IF_SMALLER:
        if getattr(wanted, key) < getattr(base, key):
            yield key
    for key in _BUDGETS:
        before, after = getattr(base, key), getattr(wanted, key)
        if after > before or (after < before and wanted.on_exhausted == "flag"):
            yield key
