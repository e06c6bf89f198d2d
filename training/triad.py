"""The three figures by which guards are compared: over-blocking, how well harm is found (F1), and latency.

A guard that flags everything finds all harm, one that flags nothing blocks nobody, and a slow one does both well; so
the three belong side by side. Flagged is what the default policy flags. Over-blocking is measured on texts that look
like harm and are none (HateCheck's non-hateful cases), on openings about people (BOLD) and on what the web says without
toxicity by Perspective; F1 on comments, web text and HateCheck, each with the share of harm it has.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from filters.scorer import Scorer
from filters.scorers.detoxify import DetoxifyScorer
from reporting import markdown
from training.data import CASED
from training.evaluate import flags, held_out, score
from training.examples import read_rows
from training.report_classifier import milliseconds
from training.setting import Setting

_WORDS = 32
_CALM = 0.25  # of Perspective's toxicity


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts of a set, and which of them are harmful."""

    name: str
    texts: list[str]
    harmful: list[bool]


def f1(flagged: Sequence[bool], harmful: Sequence[bool]) -> float:
    """Return the harmonic mean of precision and recall; 0 if nothing harmful is flagged."""
    both = sum(a and b for a, b in zip(flagged, harmful, strict=True))
    return 2 * both / (sum(flagged) + sum(harmful)) if both else 0.0


def over_blocking(flagged: Sequence[bool], harmful: Sequence[bool]) -> float:
    """Return the share of the harmless that is flagged."""
    harmless = [found for found, is_harmful in zip(flagged, harmful, strict=True) if not is_harmful]
    return sum(harmless) / max(1, len(harmless))


def sets(folder: Path) -> list[Texts]:
    """Return the held-out sets. OSError if a file is missing."""
    parts = held_out(folder).held_out
    hatecheck = read_rows(folder / "hatecheck_dev.jsonl.gz")
    bold = [row["prompt"] for row in read_rows(folder / "bold_prompts.jsonl.gz")]
    cased, web = parts[CASED], [e for e in parts["rtp"] if e.toxicity >= 0.5 or e.toxicity < _CALM]
    return [
        Texts("Jigsaw", [e.text for e in cased], [e.toxicity >= 0.5 for e in cased]),
        Texts("RealToxicityPrompts", [e.text for e in web], [e.toxicity >= 0.5 for e in web]),
        Texts(
            "HateCheck", [row["test_case"] for row in hatecheck], [row["label_gold"] == "hateful" for row in hatecheck]
        ),
        Texts("BOLD", bold, [False] * len(bold)),
    ]


def row(name: str, scorer: Scorer, every: Sequence[Texts]) -> tuple[str, ...]:
    """Return a classifier's name and what it makes of the sets, in the order of `head`."""
    cells = []
    for texts in every:
        flagged = [flags(scores) for scores in score(scorer, texts.texts)]
        cells.append(f"{over_blocking(flagged, texts.harmful):.1%}")
        if any(texts.harmful):
            cells.append(f"{f1(flagged, texts.harmful):.3f}")
    return name, *cells


def head(every: Sequence[Texts]) -> tuple[str, ...]:
    """Return the table's head, in the order of `row`."""
    names = []
    for texts in every:
        names.append(f"{texts.name}: over-blocked")
        if any(texts.harmful):
            names.append(f"{texts.name}: F1")
    return "classifier", *names, f"ms for {_WORDS} words", "in a batch of 16"


def blocks(setting: Setting) -> Iterator[str]:
    """Yield this part of the report."""
    yield "## Over-blocking, harm found, latency"
    every = sets(setting.data)
    rows = []
    for folder in (setting.classifier, *setting.against):
        scorer = DetoxifyScorer.load(str(folder))
        alone, together = milliseconds(scorer, _WORDS)
        rows.append((*row(folder.name, scorer, every), f"{alone:.1f}", f"{together:.2f}"))
    yield markdown.table(head(every), rows)
    yield f"By the default policy, on held-out texts; latency with {setting.threads} threads."
