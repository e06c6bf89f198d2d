"""What the classifier costs, as transformers runs it and as the server does, and whether verdicts stay the same.

    python -m training.scoring [--threads 1] [--rounds 15] [--data FOLDER [--spans 4000]] [--classifier FOLDER]

Milliseconds a passage, medians with quartiles of rounds in which every way has its turn. With --data also the share of
flagged spans of held-out texts whose verdict at the default thresholds changes. No text is printed.
"""

import argparse
import random
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from filters.scorers.detoxify import DetoxifyScorer
from filters.scorers.passes import PlainForward
from filters.thresholds import Thresholds
from reporting.markdown import table
from server.policy.policy import DEFAULT_THRESHOLDS
from server.settings import BUNDLED_CLASSIFIER
from training.console import say
from training.evaluate import held_out

LENGTHS = (20, 120, 400)  # characters
BATCHES = (1, 4, 8, 16)
SHORTEST, LONGEST = 16, 80  # words of a span
_PROSE = (
    "The bridge was opened in the spring of that year, and the town has grown along the river ever since. "
    "Most of its people work in the two mills, or leave by the early train for the city; on Sundays they fish. "
)


def main() -> None:
    """Measure and print tables."""
    args = arguments()
    scorer = DetoxifyScorer.load(str(args.classifier), threads=args.threads)
    say(table(("characters", "batch", "transformers", "exact", "with a rough pass"), speeds(scorer, args.rounds)))
    if args.data:
        texts = spans(args.data, args.spans)
        say(changes(verdicts(scorer, texts, rough=False), verdicts(scorer, texts, rough=True)))


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="What the classifier costs, and whether verdicts stay the same.")
    parser.add_argument("--classifier", type=Path, default=BUNDLED_CLASSIFIER)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--data", type=Path, help="folder of the training's data, for the verdicts")
    parser.add_argument("--spans", type=int, default=4000)
    return parser.parse_args()


def speeds(scorer: DetoxifyScorer, rounds: int) -> list[tuple[str, ...]]:
    """Return a row for each length and size of batch."""
    plain = PlainForward(scorer._model, scorer._tokenizer)

    def by_transformers(texts: Sequence[str]) -> None:
        scorer._taught.scores(scorer._run(plain, scorer._pieces(texts)))

    ways: tuple[Callable[[Sequence[str]], object], ...] = (
        by_transformers,
        scorer.score,
        lambda texts: scorer.bounds(texts, [DEFAULT_THRESHOLDS] * len(texts)),
    )
    rows = []
    for length in LENGTHS:
        for size in BATCHES:
            texts = [passage(length, number) for number in range(size)]
            rows.append((str(length), str(size), *(shown(each, size) for each in taken(ways, texts, rounds))))
    return rows


def passage(length: int, number: int) -> str:
    """Return prose of half of `length` to all of it, another one for each number."""
    size = length * (4 + number % 5) // 8
    return (_PROSE * 4)[number * 7 :][:size]


def taken(ways: Sequence[Callable[[Sequence[str]], object]], texts: Sequence[str], rounds: int) -> list[list[float]]:
    """Return seconds of each way in each round, after a round that does not count."""
    seconds: list[list[float]] = [[] for _ in ways]
    for _ in range(rounds + 1):
        for own, way in zip(seconds, ways, strict=True):
            begun = time.perf_counter()
            way(texts)
            own.append(time.perf_counter() - begun)
    return [own[1:] for own in seconds]


def shown(seconds: Sequence[float], size: int) -> str:
    """Return median and quartiles in milliseconds a text."""
    low, middle, high = (value * 1000 / size for value in statistics.quantiles(seconds, n=4))
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def spans(data: Path, count: int) -> list[str]:
    """Return spans of 16 to 80 words of texts that the bundled classifier did not learn from."""
    rng = random.Random(1)
    texts = [example.text.split() for part in held_out(data).held_out.values() for example in part]
    return [span(rng.choice(texts), rng) for _ in range(count)]


def span(words: Sequence[str], rng: random.Random) -> str:
    """Return a part of a text, or all of it if it is short."""
    size = rng.randint(SHORTEST, LONGEST)
    begin = rng.randint(0, max(0, len(words) - size))
    return " ".join(words[begin : begin + size])


def verdicts(scorer: DetoxifyScorer, texts: Sequence[str], *, rough: bool) -> list[bool]:
    """Return whether each text is flagged."""
    thresholds = Thresholds(DEFAULT_THRESHOLDS)
    with torch.inference_mode():
        found = []
        for begin in range(0, len(texts), 16):
            batch = texts[begin : begin + 16]
            scores = scorer.bounds(batch, [DEFAULT_THRESHOLDS] * len(batch)) if rough else scorer.score(batch)
            found += [bool(thresholds.exceeded(each)) for each in scores]
    return found


def changes(before: Sequence[bool], after: Sequence[bool]) -> str:
    """Return a line on how many verdicts changed, beside how many are flagged."""
    changed = sum(one != other for one, other in zip(before, after, strict=True))
    flagged = sum(before)
    return f"{changed} of {len(before):,} verdicts changed, {changed / max(flagged, 1):.2%} of the {flagged:,} flagged."


if __name__ == "__main__":
    main()
