"""The classifier's part of the report: every figure, beside those of others, and whether the goals are met."""

import time
from collections.abc import Iterator
from pathlib import Path

from tokenizers import Tokenizer

from filters.scorers.detoxify import DetoxifyScorer
from reporting import markdown
from training import evaluate_languages
from training.evaluate import Figure, figures, score
from training.setting import Setting

READ = (
    "toxicity_train.jsonl.gz",
    "rtp_prompts.jsonl.gz",
    "rtp_challenging_and_nontoxic_dev.jsonl.gz",
    "hatecheck_dev.jsonl.gz",
    "bold_prompts.jsonl.gz",
)
_SPEED_TEXT = "The bridge was opened in the spring of that year, and the town has grown along the river ever since. "


def table(columns: list[tuple[str, list[Figure]]]) -> str:
    """Return the figures as a Markdown table, a column for each classifier, and whether the first reaches its goals."""
    rows = [
        (first.group, first.name, f"{first.texts:,}", *(f"{each.value:.3f}" for each in (first, *rest)), goal(first))
        for first, *rest in zip(*(found for _, found in columns), strict=True)
    ]
    return markdown.table(("set", "figure", "texts", *(name for name, _ in columns), "goal"), rows)


def goal(figure: Figure) -> str:
    """Return what was to be reached, and whether it was or by how much not; empty without a goal."""
    if figure.goal is None:
        return ""
    sign = "<=" if figure.less_is_better else ">="
    return f"{sign} {figure.goal:g}: " + ("met" if figure.is_met else f"short by {abs(figure.value - figure.goal):.3f}")


def milliseconds(scorer: DetoxifyScorer, words: int) -> tuple[float, float]:
    """Return milliseconds for a passage of this many words, alone and in a batch of 16; the best of five tries."""
    text = " ".join((_SPEED_TEXT * 20).split()[:words])
    return tuple(min(_seconds(scorer, [text] * count) for _ in range(5)) * 1000 / count for count in (1, 16))  # type: ignore[return-value]


def _seconds(scorer: DetoxifyScorer, texts: list[str]) -> float:
    begun = time.perf_counter()
    score(scorer, texts)
    return time.perf_counter() - begun


def _column(folder: Path, data: Path, seed: int) -> tuple[str, list[Figure], str]:
    """Return the name of a classifier, its figures, and a line on its speed."""
    scorer = DetoxifyScorer.load(str(folder))
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    alone, together = milliseconds(scorer, 32)
    speed = f"{folder.name}: {alone:.1f} ms for 32 words alone, {together:.2f} ms in a batch of 16"
    return folder.name, figures(scorer, tokenizer, data, seed), speed


def blocks(setting: Setting) -> Iterator[str]:
    """Yield the report's part."""
    yield "## Classifier"
    columns = [_column(folder, setting.data, setting.seed) for folder in (setting.classifier, *setting.against)]
    yield table([(name, found) for name, found, _ in columns])
    yield f"Seed {setting.seed}, {setting.threads} threads. " + "; ".join(speed for _, _, speed in columns) + "."


def by_language(setting: Setting) -> Iterator[str]:
    """Yield the figures of texts in other languages than English."""
    yield "## Classifier, by language"
    folders = (setting.classifier, *setting.against)
    found = [
        (folder.name, evaluate_languages.figures(DetoxifyScorer.load(str(folder)), setting.data)) for folder in folders
    ]
    yield table(found)
