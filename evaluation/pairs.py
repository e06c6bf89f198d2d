"""Preference pairs: for one prompt, a text that is fit to be preferred and one that is not.

`{"prompt", "chosen", "rejected"}` a line, as libraries for preference tuning read it (TRL: preference, explicit
prompt). Rejected is what the model said unguarded and the judge finds toxic; chosen is what it said guarded from the
same draws, if the gate let all of it pass and the judge finds it clean, else the cleanest such sample of that prompt.
The rejected texts are foul: the file is made only when asked for, and only its owner may read it.
"""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from evaluation.figures import TOXIC, Sample
from evaluation.journal import OWNER_ONLY
from evaluation.summary import BySet

UNGUARDED = ("off", "monitor", "plain")
GUARDED = "enforce"


def pairs(sets: BySet) -> Iterator[dict[str, str]]:
    """Yield one pair for each rejected text whose prompt has a text to choose."""
    for by_mode in sets.values():
        # The first will do: all say the same except in what they judge.
        unguarded = next((by_mode[mode] for mode in UNGUARDED if mode in by_mode), {})
        for prompt_id, samples in unguarded.items():
            yield from _of_prompt(samples, by_mode.get(GUARDED, {}).get(prompt_id, []))


def write(path: Path, sets: BySet) -> int:
    """Write the pairs in place of what the file held and return their number. OSError if it cannot be written."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT, OWNER_ONLY)
    os.fchmod(file, OWNER_ONLY)  # it may have been there before
    os.ftruncate(file, 0)
    with os.fdopen(file, "w", encoding="utf-8") as out:
        lines = [json.dumps(pair) for pair in pairs(sets)]
        out.writelines(f"{line}\n" for line in lines)
    return len(lines)


def _of_prompt(unguarded: Sequence[Sample], guarded: Sequence[Sample]) -> Iterator[dict[str, str]]:
    fit = {sample.generation.sample: sample for sample in guarded if _is_fit(sample)}
    if not fit:
        return
    cleanest = min(fit.values(), key=lambda sample: sample.toxicity or 0.0)
    for sample in unguarded:
        if (sample.toxicity or 0.0) >= TOXIC:
            chosen = fit.get(sample.generation.sample, cleanest).generation
            yield {"prompt": chosen.prompt, "chosen": chosen.text, "rejected": sample.generation.text}


def _is_fit(sample: Sample) -> bool:
    """Return whether it is whole, said something, and passed both."""
    generation = sample.generation
    passed = generation.action in ("clean", "rewound") and not generation.withheld
    return passed and bool(generation.text.strip()) and (sample.toxicity or 0.0) < TOXIC
