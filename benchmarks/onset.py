"""Where the guard says that a text turns, against where people say so: posts with toxic characters marked by hand.

    python -m benchmarks.onset --posts toxic_spans.jsonl.gz [--classifier models/classifier] [--limit 1000]

Every post is read as the guard reads an answer: a stride of words at a time, each time with the context before it. Of
the posts that get flagged, the onset found counts as right if it lies within the first marked span, or up to three
words before it. (Data: SemEval-2021 task 5, "Toxic Spans Detection"; J. Pavlopoulos and others.)
"""

import argparse
import asyncio
import gzip
import json
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from filters.batcher import Batcher
from filters.judge import Judge
from filters.passage import Passage
from filters.scorers.detoxify import DetoxifyScorer
from filters.standard import Standard
from filters.thresholds import Thresholds
from filters.verdict import Flagged
from server.policy.policy import DEFAULT_THRESHOLDS

STRIDE, CONTEXT = 12, 48  # words: about 16 and 64 tokens
NEAR = 3  # words
_WORD = re.compile(r"\S+")
_EVERY = 100


@dataclass(frozen=True, slots=True)
class Post:
    """A text, and its first marked span, half-open, in characters."""

    text: str
    start: int
    end: int


def posts(path: Path) -> list[Post]:
    """Return the posts in which something is marked."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [Post(row["text"], *first_span(row["toxic_characters"])) for row in rows if row["toxic_characters"]]


def first_span(characters: Sequence[int]) -> tuple[int, int]:
    """Return the first run of neighbouring characters. IndexError if there is none."""
    ordered = sorted(characters)
    end = ordered[0]
    for character in ordered:
        if character > end + 1:
            break
        end = character
    return ordered[0], end + 1


def place(post: Post, onset: int) -> str:
    """Return where the onset lies: `inside`, `near` (before it, within three words), `early` or `late`."""
    if post.start <= onset < post.end:
        return "inside"
    if onset >= post.end:
        return "late"
    words = len(_WORD.findall(post.text[onset : post.start]))
    return "near" if words <= NEAR else "early"


def windows(text: str) -> Iterator[tuple[int, Passage]]:
    """Yield the passages that the guard would have judged one after another, each with the character it begins at."""
    ends = [match.end() for match in _WORD.finditer(text)]
    starts = [match.start() for match in _WORD.finditer(text)]
    for at in range(0, len(ends), STRIDE):
        begin = starts[max(0, at - CONTEXT)]
        end = ends[min(at + STRIDE, len(ends)) - 1]
        yield begin, Passage(text[begin:end], starts[at] - begin)


async def onset_of(judge: Judge, text: str, standard: Standard) -> int | None:
    """Return the character at which the first flagged window turns; None if none is flagged."""
    for begin, passage in windows(text):
        verdict = await judge.judge(passage, standard)
        if isinstance(verdict, Flagged):
            return begin + verdict.span.start
    return None


async def measure(classifier: str, chosen: Sequence[Post]) -> Counter[str]:
    """Return how many onsets lie where; `cleared` counts the posts that are never flagged."""
    batcher = Batcher(DetoxifyScorer.load(classifier))
    await batcher.start()
    standard, counts = Standard(Thresholds(DEFAULT_THRESHOLDS)), Counter[str]()
    for number, post in enumerate(chosen, 1):
        onset = await onset_of(Judge(batcher), post.text, standard)
        counts["cleared" if onset is None else place(post, onset)] += 1
        if number % _EVERY == 0:
            print(f"{number}/{len(chosen)} posts", flush=True)
    await batcher.aclose()
    return counts


def table(counts: Counter[str]) -> str:
    """Return the shares of the flagged posts, by place."""
    flagged = counts.total() - counts["cleared"]
    rows = [f"| {name} | {counts[name]} | {counts[name] / max(1, flagged):.1%} |" for name in PLACES]
    right = (counts["inside"] + counts["near"]) / max(1, flagged)
    head = f"{counts.total()} posts, {flagged} flagged; right: {right:.1%}"
    return "\n".join([head, "", "| onset | posts | of the flagged |", "|---|---|---|", *rows])


PLACES = ("inside", "near", "early", "late")


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posts", type=Path, required=True, help="posts with the offsets of their toxic characters")
    parser.add_argument("--classifier", default="models/classifier", help="a bundled folder or a name of detoxify's")
    parser.add_argument("--limit", type=int, default=1_000, help="posts, chosen at random (default: 1000)")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    every = posts(args.posts)
    chosen = random.Random(args.seed).sample(every, min(args.limit, len(every)))
    print(table(asyncio.run(measure(args.classifier, chosen))))


if __name__ == "__main__":
    main()
