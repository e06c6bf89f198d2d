"""Passages like a guard's: a bounded stretch of comments, prose and dialogues, never a whole text.

What the screen learns from, what its cuts are calibrated on, and what they are measured on are three sets of texts; a
text falls into one of them by its letters. The latter two hold only what the classifier's training held out, texts that
it never opened (toxic spans, BOLD, the further prompts), and prose of which it read a few sentences in a hundred.
"""

import lzma
import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from training import data
from training.augment import Augment, WordWeights, leet, masked, spaced, stretched, swapped, zero_width
from training.evaluate import held_out
from training.examples import Example, draw, letters, read_rows

Part = Literal["learn", "calibrate", "measure"]

SHORTEST, LONGEST = 25, 400  # characters: a first stride of 6 tokens; 64 tokens of context and a stride of 32
WHOLE = 2_200  # what the closing window sees of an answer: 512 tokens
_WHOLE_SHARE = 0.04  # of the prose and of held-out comments are as long as that
# Texts: file, passages to learn from. Every tenth document is held out, and gives a few passages to measure with.
_PROSE = (
    ("wikipedia_en_slice.txt.xz", 240_000),
    ("sgd_dialogues.txt.xz", 50_000),
    ("wikinews_en.txt.xz", 140_000),
    ("movie_reviews.txt.xz", 50_000),
    ("openstax.txt.xz", 10_000),
    ("us_addresses.txt.xz", 10_000),
)
_HELD_OUT_PROSE, _HELD_OUT_SHARE = 10, 16  # one document in 10, and one in 16 of the passages learnt from, is held out
_TIMES = 4  # that each comment is learnt from, cut and changed in a different way
_PROSE_BEFORE = 0.12  # of the comments have prose before them, as an answer that turns
_DISGUISED = 0.15  # of the held-out comments come with a disguise too
_DISGUISES = (leet, spaced, stretched, masked, zero_width, swapped)
_COMMENT_SNIPPETS, _WRITTEN_PIECES = 3, 3
_SNIPPET, _LONGEST_SNIPPET = (1, 2, 3, 4, 5, 6, 8), 80  # words, characters
_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Sample:
    """A passage, where it is from, and what it is for."""

    text: str
    source: str
    part: Part


def samples(folder: Path, seed: int, share: float = 1.0, written: Path | None = None) -> list[Sample]:
    """Return every passage, in the same order for the same seed. OSError if a source lacks.

    `share` is of what is learnt from, and of the prose; of the comments that are held out all are taken: cuts are found
    by the rare ones.

    `written` is a file of what a language model wrote (training/written.py), and is taken whole.
    """
    rng = random.Random(seed)
    split = held_out(folder)
    prose = list(_prose(folder, rng, share))
    learnt = [sample.text for sample in prose if sample.part == "learn"]
    comments = data.capped(split.train, rng)
    comments = rng.sample(comments, int(len(comments) * share))
    found = prose + [sample for _ in range(_TIMES) for sample in _learnt(comments, learnt, rng)]
    known = {_beginning(example.text) for example in split.train}
    fresh = [(source, text) for source, text in _unseen(folder, split) if _beginning(text) not in known]
    found += _held_out(rng.sample(fresh, len(fresh)), rng)
    found += _snippets(data.capped(split.train, apart := random.Random(seed + 5)), learnt, share, apart)
    if written:
        rows = read_rows(written)
        found += _written(rows, random.Random(seed + 6))
    return rng.sample(found, len(found))


def cut(text: str, rng: random.Random) -> str:
    """Return a stretch of whole words, up to 25 to 400 characters, a few up to 2,200; half from the beginning."""
    length = rng.randint(*((LONGEST, WHOLE) if rng.random() < _WHOLE_SHARE else (SHORTEST, LONGEST)))
    starts = [match.start() for match in _WORD.finditer(text) if match.start() + length <= len(text)]
    start = rng.choice(starts) if starts and rng.random() < 0.5 else 0
    return _whole_words(text[start:], length)


def _whole_words(text: str, length: int) -> str:
    """Return the text up to the last end of a word that is not after `length`, or up to `length` in a longer word."""
    if len(text) <= length:
        return text
    ends = [match.end() for match in _WORD.finditer(text[: length + 1]) if match.end() <= length]
    return text[: ends[-1] if ends else length]


def _learnt(examples: list[Example], prose: list[str], rng: random.Random) -> Iterator[Sample]:
    """Yield the comments as the classifier met them: cut, joined, disguised; some of them with prose before."""
    augment = Augment(WordWeights(examples), rng.randrange(1 << 30))
    for example, other in zip(examples, rng.sample(examples, len(examples)), strict=True):
        text = augment(example, other).text
        if prose and rng.random() < _PROSE_BEFORE:
            text = f"{rng.choice(prose)[: LONGEST // 2]} {_whole_words(text, LONGEST // 2)}"
        yield Sample(_whole_words(text, LONGEST), example.source, "learn")


def _written(rows: list[dict[str, Any]], rng: random.Random) -> Iterator[Sample]:
    """Yield of each answer what a guard judges: its beginning, short and long stretches, and the whole."""
    for row in rows:
        text = " ".join(row["text"].split())
        part: Part = "learn" if draw(row["prompt"], _HELD_OUT_PROSE) else _side(text)
        pieces = [_snippet(text, rng, start=0), _whole_words(text, WHOLE)]
        pieces += [piece for _ in range(_WRITTEN_PIECES) for piece in (_snippet(text, rng), cut(text, rng))]
        yield from (Sample(piece, "written", part) for piece in sorted({*pieces} - {""}))


def _snippets(examples: list[Example], prose: list[str], share: float, rng: random.Random) -> list[Sample]:
    """Return one to eight words at a time: cheap for the classifier, and they teach the screen what words weigh."""
    comments = examples[: int(len(examples) * share)]
    found = [Sample(_snippet(one.text, rng), one.source, "learn") for one in comments for _ in range(_COMMENT_SNIPPETS)]
    found += [Sample(_snippet(text, rng), "prose", "learn") for text in prose]
    return list({sample.text: sample for sample in found if sample.text}.values())


def _snippet(text: str, rng: random.Random, start: int | None = None) -> str:
    """Return a few words from the word number `start`, or from any."""
    words = text.split()
    count = min(len(words), rng.choice(_SNIPPET))
    if not count:
        return ""
    start = rng.randint(0, len(words) - count) if start is None else start
    return " ".join(words[start : start + count])[:_LONGEST_SNIPPET]


def _held_out(texts: list[tuple[str, str]], rng: random.Random) -> Iterator[Sample]:
    for source, text in texts:
        part = _side(text)
        yield from (Sample(piece, source, part) for piece in sorted({cut(text, rng), cut(text, rng)}))
        if rng.random() < _DISGUISED:
            disguise = rng.choice(_DISGUISES)
            words = _whole_words(text, LONGEST // 2).split()
            hidden = " ".join(disguise(word, rng) if rng.random() < 0.5 else word for word in words)
            yield Sample(_whole_words(hidden, LONGEST), f"disguised ({disguise.__name__})", part)


def _unseen(folder: Path, split: data.Split) -> Iterator[tuple[str, str]]:
    """Yield source and text of what the classifier never learnt from."""
    for source, examples in split.held_out.items():
        yield from ((source, example.text) for example in examples)
    yield from (("toxic_spans", row["text"]) for row in read_rows(folder / "toxic_spans.jsonl.gz"))
    for row in data.prompt_rows(read_rows(folder / "rtp_challenging_and_nontoxic_dev.jsonl.gz")):
        yield "rtp_dev", row["text"]
    yield from (("bold", row["prompt"]) for row in read_rows(folder / "bold_prompts.jsonl.gz"))


def _prose(folder: Path, rng: random.Random, share: float) -> Iterator[Sample]:
    for name, count in _PROSE:
        texts = list(documents(folder / name))
        source = name.split(".")[0]
        apart, known = _parted(texts)
        for text in rng.choices(known, k=int(count * share)) if known else ():
            yield Sample(cut(text, rng), source, "learn")
        for text in rng.choices(apart, k=int(count * share / _HELD_OUT_SHARE)) if apart else ():
            yield Sample(cut(text, rng), source, _side(text))


def _parted(texts: list[str]) -> tuple[list[str], list[str]]:
    """Return those that are held out, and those that are learnt from."""
    apart: list[str] = []
    known: list[str] = []
    for text in texts:
        (known if draw(text, _HELD_OUT_PROSE) else apart).append(text)
    return apart, known


def documents(path: Path) -> Iterator[str]:
    """Yield the paragraphs of a text file, which are parted by empty lines, of a usable length."""
    with lzma.open(path, "rt", encoding="utf-8") as file:
        yield from islice(_paragraphs(file), 60_000)


def _paragraphs(lines: Iterable[str]) -> Iterator[str]:
    kept: list[str] = []
    for line in lines:
        if line.strip():
            kept.append(line.strip())
        elif kept:
            yield "\n".join(kept)[:4_000]
            kept = []
    if kept:
        yield "\n".join(kept)[:4_000]


def _side(text: str) -> Part:
    """Return which of the two held-out parts a text belongs to; copies of a text belong to the same."""
    return "calibrate" if draw(letters(text)[:100], 16) >= 8 else "measure"


def _beginning(text: str) -> str:
    return letters(text)[:100]
