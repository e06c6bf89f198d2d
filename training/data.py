"""The texts that the classifier learns from, and those that are held out. All randomness here is seeded.

Held out and never learnt from, nor any text that begins with the same letters: 2,200 texts of Jigsaw's cased part
(the first published model held out the same), every fourth of Civil Comments, every twentieth pair of ParaDetox, and
half of RealToxicityPrompts. The benchmark files (HateCheck, BOLD, the challenging and non-toxic prompts, toxic spans)
are not even opened here.
"""

import lzma
import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from training import benign, contrasts, identities, languages
from training.examples import Example, all_known, clean, draw, labelled, letters, read_rows

CASED = "jigsaw/hieunt91"
HELD_OUT_CASED = 2_200
# Plain prose: file, sentences, weight. Nobody has looked through it, hence targets of 0 at less than full weight.
_PROSE = (
    ("wikipedia_en_slice.txt.xz", 4_000, 0.7),
    ("wikinews_en.txt.xz", 2_000, 0.7),
    ("sgd_dialogues.txt.xz", 1_000, 0.7),
    ("us_addresses.txt.xz", 800, 0.7),
    ("openstax.txt.xz", 1_000, 0.7),
)
_NAMED_PROSE = (("wikipedia_en_slice.txt.xz", 8_000, 0.8), ("wikinews_en.txt.xz", 3_000, 0.7))
_PERSPECTIVE = ("toxicity", "severe_toxicity", "profanity", "threat", "insult", "identity_attack")
_CAPS = {"madlibs": 3_000, "paradetox": 8_000}
_ENGLISH_CONTRASTS, _FOREIGN_CONTRASTS, _HINDI_CONTRASTS = 40_000, 60_000, 6_000
# How often each text is learnt from in an epoch: what models and people write is the most like what is judged.
_TIMES = {"rtp": 6, "civil_comments": 2, "jigsaw/ak": 2, "jigsaw/furkancaglayan": 2, CASED: 2}
_SENTENCE = re.compile(r"(?<=[.!?])\s+")


@dataclass(frozen=True, slots=True)
class Split:
    """What is learnt from, and by source what is held out. The held-out texts are whole and as they were written."""

    train: list[Example]
    held_out: dict[str, list[Example]]


def load(folder: Path, seed: int) -> Split:
    """Read the labelled texts, the prompts and the prose in `folder`. OSError if one of the files is missing."""
    rng = random.Random(seed)
    rows = read_rows(folder / "toxicity_train.jsonl.gz") + prompt_rows(read_rows(folder / "rtp_prompts.jsonl.gz"))
    split = divide(rows)
    train = capped(split.train, rng)
    train = [example for example in train for _ in range(_TIMES.get(example.source, 1))]
    train += prose(folder, rng)
    train += identities.neutral(rng, 12_000) + identities.hostile(rng, 5_000) + identities.personal(rng, 1_500)
    train += benign.harmless(rng, 12_000)
    train += contrasts.contrasts(rng, _ENGLISH_CONTRASTS, ["en"])
    train += contrasts.contrasts(rng, _FOREIGN_CONTRASTS, contrasts.FOREIGN)
    train += contrasts.contrasts(rng, _HINDI_CONTRASTS, ["hi", "hi-Latn"])  # no posts to learn from
    foreign, foreign_held_out = languages.divided(read_rows(folder / "toxicity_multilingual.jsonl.gz"), rng)
    return Split(train + foreign, split.held_out | foreign_held_out)


def divide(rows: list[dict[str, Any]]) -> Split:
    """Divide the rows; whatever has the letters of a held-out text is not learnt from."""
    cased = [row for row in rows if row["source"] == CASED]
    random.Random(0).shuffle(cased)
    test = [_example(row) for row in cased[:HELD_OUT_CASED]]
    rest = [_example(row) for row in cased[HELD_OUT_CASED:]]
    test_too: list[Example] = []
    for index, row in enumerate(row for row in rows if row["source"] != CASED):
        (test_too if _is_held_out(row, index) else rest).append(_example(row))
    held_out: dict[str, list[Example]] = {}
    for example in test + test_too:
        held_out.setdefault(example.source, []).append(example)
    known = {_beginning(example) for example in test + test_too}
    return Split([example for example in rest if _beginning(example) not in known], held_out)


def prompt_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Yield RealToxicityPrompts as rows: prompts and continuations, each with Perspective's scores, if any."""
    parts = [row[part] for row in rows for part in ("prompt", "continuation")]
    scored = [part for part in parts if part["text"].strip() and all(part[name] is not None for name in _PERSPECTIVE)]
    return [
        {"text": part["text"], "labels": {name: part[name] for name in _PERSPECTIVE}, "source": "rtp"}
        for part in scored
    ]


def capped(examples: list[Example], rng: random.Random) -> list[Example]:
    """Return the examples with at most as many of each source as `_CAPS` allows, chosen at random, in order."""
    kept = examples
    for source, cap in _CAPS.items():
        own = [index for index, example in enumerate(kept) if example.source == source]
        dropped = set(rng.sample(own, max(0, len(own) - cap)))
        kept = [example for index, example in enumerate(kept) if index not in dropped]
    return kept


def prose(folder: Path, rng: random.Random) -> list[Example]:
    """Return sentences of encyclopedia, news, dialogue, speeches, textbooks; of the first two, more naming a group."""
    plain = [clean(text, "prose", weight) for name, n, weight in _PROSE for text in _sample(folder / name, n, rng)]
    named = [
        clean(text, "named_prose", weight)
        for name, n, weight in _NAMED_PROSE
        for text in islice(filter(identities.names_a_group, _sentences(folder / name)), n)
    ]
    return plain + named


def _sample(path: Path, count: int, rng: random.Random) -> list[str]:
    every = list(_sentences(path))
    return rng.sample(every, min(count, len(every)))


def _sentences(path: Path) -> Iterator[str]:
    """Yield the sentences of 5 to 60 words, one, two or three at once."""
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield from filter(_is_usable, _groups(_SENTENCE.split(line.strip())))


def _groups(sentences: list[str]) -> Iterable[str]:
    index = 0
    while index < len(sentences):
        size = 1 + (index * 7 + len(sentences)) % 3
        yield " ".join(sentences[index : index + size])
        index += size


def _is_usable(text: str) -> bool:
    return 5 <= text.count(" ") + 1 <= 60


def _is_held_out(row: dict[str, Any], index: int) -> bool:
    if row["source"] == "civil_comments":
        return draw(row["text"], 4) == 0
    if row["source"] == "rtp":
        return draw(row["text"], 2) == 0
    # ParaDetox alternates between a toxic sentence and its rewrite: neighbours go together.
    return row["source"] == "paradetox" and index // 100 % 20 == 0


def _beginning(example: Example) -> str:
    """Return a key that two copies share even if one of them was cut short."""
    return letters(example.text)[:100]


def _example(row: dict[str, Any]) -> Example:
    if row["source"] != "rtp":
        return labelled(row)
    return all_known(row["text"], tuple(row["labels"][name] for name in _PERSPECTIVE), "rtp", 0.8)
