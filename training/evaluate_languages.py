"""How good a classifier is in each language, on texts that it never saw: figures as in training.evaluate.

Multilingual HateCheck (P. Röttger and others, 2022) by language and by kind of case; of each source in languages other
than English what the training held out.
"""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filters.scorer import Scorer
from training import languages
from training.evaluate import Figure, flagged_share, score
from training.examples import Example, read_rows
from training.metrics import auc

HATECHECK, LABELLED = "multilingual_hatecheck_dev.jsonl.gz", "toxicity_multilingual.jsonl.gz"
_GOALS = {"cold/zh": 0.85, "germeval2018/de": 0.85, "told-br/pt": 0.85}
_LEAST = 50  # texts of a source that say something


def figures(scorer: Scorer, folder: Path) -> list[Figure]:
    """Return every figure, from the data in `folder`. OSError if a file is missing."""
    _, held_out = languages.divided(read_rows(folder / LABELLED), random.Random(0))
    return [*_hatecheck(scorer, read_rows(folder / HATECHECK)), *_sources(scorer, held_out)]


def _hatecheck(scorer: Scorer, rows: list[dict[str, Any]]) -> Iterator[Figure]:
    rated = list(zip(rows, score(scorer, [row["text"] for row in rows]), strict=True))
    for language in sorted({row["lang"] for row in rows}):
        own = [(row, scores) for row, scores in rated if row["lang"] == language]
        group = f"Multilingual HateCheck {language}"
        area = auc([scores["toxicity"] for _, scores in own], [bool(row["hateful"]) for row, _ in own])
        yield Figure(group, "AUC toxicity", area, len(own), 0.70)
        for name, wanted in (("hateful flagged", True), ("non-hateful flagged", False)):
            yield flagged_share(group, name, [scores for row, scores in own if row["hateful"] == wanted])
    for kind in sorted({row["functionality"] for row in rows}):
        own = [(row, scores) for row, scores in rated if row["functionality"] == kind]
        yield flagged_share("Multilingual HateCheck, all languages", f"flagged: {kind}", [scores for _, scores in own])


def _sources(scorer: Scorer, held_out: dict[str, list[Example]]) -> Iterator[Figure]:
    for name, examples in sorted(held_out.items()):
        toxic = [example.toxicity >= 0.5 for example in examples]
        if len(examples) >= _LEAST and any(toxic) and not all(toxic):
            scores = score(scorer, [example.text for example in examples])
            area = auc([found["toxicity"] for found in scores], toxic)
            yield Figure("Held out, by source and language", f"AUC {name}", area, len(examples), _GOALS.get(name))
