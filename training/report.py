"""Every figure of a classifier, from its shipped weights: `python -m training.report [--data DIR] [--against DIR ...]`.

Without `--data` the collection is expected at ../shared/data. `--against` takes further packed classifiers (see
pack_classifier.py) as further columns of the same table. No text is printed.
"""

import argparse
import hashlib
import time
from pathlib import Path

import torch
from tokenizers import Tokenizer

from filters.scorers.detoxify import DetoxifyScorer
from training.console import say
from training.evaluate import Figure, figures, score

DATA = Path("../shared/data")
CLASSIFIER = Path("models/classifier")
_READ = (
    "toxicity_train.jsonl.gz",
    "rtp_prompts.jsonl.gz",
    "rtp_challenging_and_nontoxic_dev.jsonl.gz",
    "hatecheck_dev.jsonl.gz",
    "bold_prompts.jsonl.gz",
)
_SPEED_TEXT = "The bridge was opened in the spring of that year, and the town has grown along the river ever since. "


def table(columns: list[tuple[str, list[Figure]]]) -> str:
    """The figures as a table in Markdown, one column for each classifier, and whether the first reaches its goals."""
    lines = ["| set | figure | texts | " + " | ".join(name for name, _ in columns) + " | goal |"]
    lines.append("|---" * (4 + len(columns)) + "|")
    for row in zip(*(found for _, found in columns), strict=True):
        values = " | ".join(f"{figure.value:.3f}" for figure in row)
        first = row[0]
        lines.append(f"| {first.group} | {first.name} | {first.texts:,} | {values} | {goal(first)} |")
    return "\n".join(lines)


def goal(figure: Figure) -> str:
    """What was to be reached, and whether it was or by how much not; empty without a goal."""
    if figure.goal is None:
        return ""
    sign = "<=" if figure.less_is_better else ">="
    return f"{sign} {figure.goal:g}: " + ("met" if figure.is_met else f"short by {abs(figure.value - figure.goal):.3f}")


def file_hashes(paths: list[Path]) -> str:
    """A line with the SHA-256 of each file."""
    return "\n".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}" for path in paths)


def milliseconds(scorer: DetoxifyScorer, words: int) -> tuple[float, float]:
    """Milliseconds for a passage of so many words, alone and in a batch of 16; the best of five tries."""
    text = " ".join((_SPEED_TEXT * 20).split()[:words])
    return tuple(min(_seconds(scorer, [text] * count) for _ in range(5)) * 1000 / count for count in (1, 16))  # type: ignore[return-value]


def _seconds(scorer: DetoxifyScorer, texts: list[str]) -> float:
    begun = time.perf_counter()
    score(scorer, texts)
    return time.perf_counter() - begun


def _column(folder: Path, data: Path, seed: int) -> tuple[str, list[Figure], str]:
    """The name of a classifier, its figures, and a line on its speed."""
    scorer = DetoxifyScorer.load(str(folder))
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    alone, together = milliseconds(scorer, 32)
    speed = f"{folder.name}: {alone:.1f} ms for 32 words alone, {together:.2f} ms in a batch of 16"
    return folder.name, figures(scorer, tokenizer, data, seed), speed


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with the collection of texts")
    parser.add_argument("--classifier", type=Path, default=CLASSIFIER, help="folder of a packed classifier")
    parser.add_argument("--against", type=Path, nargs="*", default=[], help="folders of others, to compare with")
    parser.add_argument("--seed", type=int, default=0, help="of the disguises")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    columns = [_column(folder, args.data, args.seed) for folder in (args.classifier, *args.against)]
    say(table([(name, found) for name, found, _ in columns]))
    say(f"\nSeed {args.seed}, {args.threads} threads. " + "; ".join(speed for _, _, speed in columns))
    say("\n" + file_hashes([args.classifier / "detoxify.ckpt", *(args.data / name for name in _READ)]))


if __name__ == "__main__":
    main()
