"""How good a classifier is in each language, on texts that it never saw: figures as in training.evaluate.

Multilingual HateCheck (P. Röttger and others, 2022) by language and by kind of case; of each source in languages other
than English what the training held out.
"""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from filters.scorer import Scorer, Scores
from filters.thresholds import Thresholds
from server.policy.policy import DEFAULT_THRESHOLDS
from training import languages
from training.evaluate import Figure, score
from training.examples import Example, read_rows
from training.metrics import auc, share_flagged

HATECHECK, LABELLED = "multilingual_hatecheck_dev.jsonl.gz", "toxicity_multilingual.jsonl.gz"
_GOALS = {"cold/zh": 0.85, "germeval2018/de": 0.85, "told-br/pt": 0.85}
_LEAST = 50  # texts of a source that say something
_DEFAULT = Thresholds(DEFAULT_THRESHOLDS)


def figures(scorer: Scorer, folder: Path) -> list[Figure]:
    """Return every figure, from the data in `folder`. OSError if a file is missing."""
    _, held_out = languages.divided(read_rows(folder / LABELLED), random.Random(0))
    return [*_hatecheck(scorer, read_rows(folder / HATECHECK)), *_sources(scorer, held_out)]


def _hatecheck(scorer: Scorer, rows: list[dict[str, Any]]) -> Iterator[Figure]:
    rated = list(zip(rows, score(scorer, [row["text"] for row in rows]), strict=True))
    for language in sorted({row["lang"] for row in rows}):
        own = [(row, scores) for row, scores in rated if row["lang"] == language]
        group = f"Multilingual HateCheck {language}"
        area = auc([scores["toxicity"] for _, scores in own], [_is_hateful(row) for row, _ in own])
        yield Figure(group, "AUC toxicity", area, len(own), 0.70)
        yield from _flagged(group, own)
    for kind in sorted({row["functionality"] for row in rows}):
        own = [(row, scores) for row, scores in rated if row["functionality"] == kind]
        yield _share("Multilingual HateCheck, all languages", f"flagged: {kind}", own, lambda row: True)


def _flagged(group: str, own: list[tuple[dict[str, Any], Scores]]) -> Iterator[Figure]:
    yield _share(group, "hateful flagged", own, _is_hateful)
    yield _share(group, "non-hateful flagged", own, lambda row: not _is_hateful(row))


def _share(
    group: str, name: str, own: list[tuple[dict[str, Any], Scores]], kept: Callable[[dict[str, Any]], bool]
) -> Figure:
    found = [float(bool(_DEFAULT.exceeded(scores))) for row, scores in own if kept(row)]
    return Figure(group, name, share_flagged(found, 1.0), len(found))


def _is_hateful(row: dict[str, Any]) -> bool:
    # Some rows have a number and some a word.
    return row["hateful"] in (True, "hateful")


def _sources(scorer: Scorer, held_out: dict[str, list[Example]]) -> Iterator[Figure]:
    for name, examples in sorted(held_out.items()):
        toxic = [example.toxicity >= 0.5 for example in examples]
        if len(examples) >= _LEAST and any(toxic) and not all(toxic):
            scores = score(scorer, [example.text for example in examples])
            area = auc([found["toxicity"] for found in scores], toxic)
            yield Figure("Held out, by source and language", f"AUC {name}", area, len(examples), _GOALS.get(name))
