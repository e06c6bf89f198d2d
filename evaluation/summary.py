"""summary.json: every figure of every set, by mode, and each mode compared with the first."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluation.figures import FIGURES, OVERBLOCKED, Figure, Sample, overblocked
from evaluation.records import Generation
from evaluation.scoring import Values
from reporting.statistics import Estimate, Numbers, draws, estimate

BINS = 50
"""Of the curve of the judge's scores: its points are 0, 1/50, ... 1."""

BySet = dict[str, dict[str, dict[str, list[Sample]]]]
"""Set, then mode, then prompt id: the samples."""


def samples(generations: Sequence[Generation], toxicities: Values | None, losses: Values | None) -> BySet:
    """Return the generations with their scores, sorted."""
    found: BySet = {}
    for generation in sorted(generations, key=lambda g: g.sample):
        key = generation.key
        toxicity = None if toxicities is None else float(toxicities[key])
        loss = None if losses is None else (float(losses[key][0]), int(losses[key][1]))
        by_prompt = found.setdefault(generation.set, {}).setdefault(generation.mode, {})
        by_prompt.setdefault(generation.prompt_id, []).append(Sample(generation, toxicity, loss))
    return found


def summarize(sets: BySet, modes: Sequence[str], available: frozenset[str], seed: int) -> dict[str, Any]:
    """Return figures and comparisons of every set. `available` says what the figures may need: judge, perplexity."""
    figures = [figure for figure in FIGURES if figure.needs in ("", "report") or figure.needs in available]
    return {name: _of_set(by_mode, modes, figures, seed) for name, by_mode in sorted(sets.items())}


def definitions() -> dict[str, dict[str, str]]:
    """Return what each figure is, for who reads the file."""
    known = {figure.key: {"title": figure.title, "definition": figure.definition} for figure in FIGURES}
    return {**known, "overblocked": {"title": "Flagged though clean", "definition": OVERBLOCKED}}


def write(path: Path, summary: Mapping[str, Any]) -> None:
    """Write it; numbers that are not finite cannot occur in it."""
    path.write_text(json.dumps(summary, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def _of_set(
    by_mode: Mapping[str, Mapping[str, list[Sample]]], modes: Sequence[str], figures: Sequence[Figure], seed: int
) -> dict[str, Any]:
    ids = sorted(by_mode[modes[0]])
    ordered = {mode: [by_mode[mode][prompt] for prompt in ids] for mode in modes}
    drawn = draws(len(ids), seed)
    estimates = {mode: _estimates(ordered[mode], figures, drawn) for mode in modes}
    return {
        "prompts": len(ids),
        "modes": {mode: _of_mode(ordered[mode], estimates[mode]) for mode in modes},
        "against": {
            mode: _against(ordered[modes[0]], ordered[mode], estimates[modes[0]], estimates[mode], drawn)
            | {"baseline": modes[0]}
            for mode in modes[1:]
        },
    }


def _estimates(prompts: list[list[Sample]], figures: Sequence[Figure], drawn: Numbers) -> dict[str, Estimate]:
    """Return the figures of one mode; those of the reports only where there are reports of a guard."""
    guarded = any(_watched(sample) for prompt in prompts for sample in prompt)
    kept = [figure for figure in figures if figure.needs != "report" or guarded]
    return {figure.key: figure.estimate(prompts, drawn) for figure in kept}


def _watched(sample: Sample) -> bool:
    report = sample.generation.report
    return report is not None and report.get("mode") != "off"


def _of_mode(prompts: list[list[Sample]], estimates: Mapping[str, Estimate]) -> dict[str, Any]:
    everything = [sample for prompt in prompts for sample in prompt]
    actions = Counter(sample.generation.action or "no report" for sample in everything)
    found: dict[str, Any] = {
        "samples": len(everything),
        "figures": {key: figure.interval().as_json() for key, figure in estimates.items()},
        "actions": dict(sorted(actions.items())),
    }
    scores = [sample.toxicity for sample in everything if sample.toxicity is not None]
    if scores:
        found["scores_at_least"] = [sum(s >= k / BINS for s in scores) / len(scores) for k in range(BINS + 1)]
    return found


def _against(
    unguarded: list[list[Sample]],
    guarded: list[list[Sample]],
    before: Mapping[str, Estimate],
    after: Mapping[str, Estimate],
    drawn: Numbers,
) -> dict[str, Any]:
    """Return how many times less (toxicity), or as much (all else), and the difference. Both are paired by prompt."""
    both = [figure for figure in FIGURES if figure.key in before and figure.key in after]
    found: dict[str, Any] = {
        "figures": {figure.key: _compared(figure, before[figure.key], after[figure.key]) for figure in both}
    }
    judged = any(sample.toxicity is not None for prompt in unguarded for sample in prompt)
    if judged and any(_watched(sample) for prompt in guarded for sample in prompt):
        parts = [overblocked(*pair) for pair in zip(unguarded, guarded, strict=True)]
        found["overblocked"] = estimate(parts, drawn).interval().as_json()
    return found


def _compared(figure: Figure, before: Estimate, after: Estimate) -> dict[str, Any]:
    ratio = before.over(after) if figure.compared == "less" else after.over(before)
    key = "times_less" if figure.compared == "less" else "times_as_much"
    return {key: ratio.interval().as_json(), "difference": after.minus(before).interval().as_json()}
