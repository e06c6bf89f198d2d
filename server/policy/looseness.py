"""When is one policy looser than another? Tightening is free, loosening needs the right, so this is a safety rule.

1. Looser is decided key by key: a stricter threshold never pays for a looser mode.
2. What a policy may spend is compared too, since more rewinds cost the operator; and what it keeps of people's text.
3. Under `on_exhausted: flag` it also counts as looser to spend *less*: the sooner the budgets are gone, the sooner
   flagged text is released, so `max_rewinds: 0` would switch the guard off.
4. To leave less in the operator's audit log counts as looser.
5. Keys that only move work around, or say nothing of the guard, have no order: they are named in `UNORDERED`.
6. A key that is not mentioned here counts as looser wherever it differs.
"""

import math
from collections.abc import Iterator, Mapping

from server.policy.policy import Policy, Thresholds

FROM_THE_STRICTEST: Mapping[str, tuple[str | bool, ...]] = {
    "mode": ("enforce", "monitor", "off"),
    "on_exhausted": ("refuse", "truncate", "mask", "flag"),
    "on_scorer_failure": ("closed", "open"),
    "on_prompt": ("refuse", "score", "ignore"),
    "on_unread": ("refuse", "hold", "pass"),
    "probe_clears": (False, True),
    "keep_text": ("none", "released", "all"),
    "audit_text": ("full", "hash", "none"),
}
LOOSER_IF_SMALLER = ("context", "closing_context", "hold_back")
BUDGETS = ("max_rewinds", "max_rewinds_per_span", "max_discarded_tokens", "max_rewind_seconds")
ORDERED = frozenset({"thresholds", "languages", *FROM_THE_STRICTEST, *LOOSER_IF_SMALLER, *BUDGETS})
UNORDERED = frozenset(
    {"first_stride", "stride", "max_stride", "ladder", "parallel_candidates", "temperature_step", "mask_text"}
    | {"name", "open_to_requests", "probe_alarms"}
)


def loosened(base: Policy, wanted: Policy) -> tuple[str, ...]:
    """Name every key in which `wanted` is looser than `base`, such as `mode` or `thresholds.insult`."""
    return (
        *_ordered_words(base, wanted),
        *_thresholds("thresholds", base.thresholds, wanted.thresholds),
        *_languages(base, wanted),
        *_numbers(base, wanted),
        *_unknown(base, wanted),
    )


def _ordered_words(base: Policy, wanted: Policy) -> Iterator[str]:
    for key, words in FROM_THE_STRICTEST.items():
        if words.index(getattr(wanted, key)) > words.index(getattr(base, key)):
            yield key


def _thresholds(key: str, base: Thresholds, wanted: Thresholds) -> Iterator[str]:
    for category, score in base.items():
        # A category without a threshold is never flagged.
        if wanted.get(category, math.inf) > score:
            yield f"{key}.{category}"


def _languages(base: Policy, wanted: Policy) -> Iterator[str]:
    """Compare what holds in each language that either gives thresholds of its own; what the rest explains is told."""
    elsewhere = set(_thresholds("", base.thresholds, wanted.thresholds))
    for code in sorted({*base.languages, *wanted.languages}):
        looser = _thresholds("", base.thresholds_in(code), wanted.thresholds_in(code))
        yield from (f"languages.{code}{category}" for category in looser if category not in elsewhere)


def _numbers(base: Policy, wanted: Policy) -> Iterator[str]:
    for key in LOOSER_IF_SMALLER:
        if getattr(wanted, key) < getattr(base, key):
            yield key
    for key in BUDGETS:
        before, after = getattr(base, key), getattr(wanted, key)
        if after > before or (after < before and wanted.on_exhausted == "flag"):
            yield key


def _unknown(base: Policy, wanted: Policy) -> Iterator[str]:
    for key in type(wanted).model_fields.keys() - ORDERED - UNORDERED:
        if getattr(wanted, key) != getattr(base, key, None):
            yield key
