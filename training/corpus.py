"""What the language model reads: encyclopedia, dialogues, textbooks, speeches, and public comments, rude ones too.

One document in fifty is held out, chosen by its letters, so that copies of a text fall on the same side. The comments
are there because models trained on the web have read such things: without them the guard would have nothing to show.
"""

import lzma
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from training.console import say
from training.examples import draw, read_rows
from training.tokenizer import END

_HELD_OUT_PARTS = 50
_AT_ONCE = 1_000  # documents that are tokenized together
_TURN = re.compile(r"^(User|Assistant): (.*)$")

Tokens = NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class Source:
    """Where documents come from, and the share of what is read that they make up."""

    name: str
    share: float
    documents: Callable[[Path], Iterator[str]]


def _blocks(folder: Path, name: str) -> Iterator[str]:
    """Yield the documents of a text file, which are parted by empty lines."""
    lines: list[str] = []
    with lzma.open(folder / name, "rt", encoding="utf-8") as file:
        for line in file:
            if line.strip():
                lines.append(line.rstrip())
            elif lines:
                yield "\n".join(lines)
                lines = []
    if lines:
        yield "\n".join(lines)


def _prose(name: str) -> Callable[[Path], Iterator[str]]:
    return lambda folder: (text for text in _blocks(folder, name) if len(text) > 200)


def _dialogues(folder: Path) -> Iterator[str]:
    """Yield dialogues as the chat template writes them: END after every answer; the last one ends the document."""
    for text in _blocks(folder, "sgd_dialogues.txt.xz"):
        turns = [_TURN.sub(_closed, line) for line in text.split("\n")]
        yield "\n".join(turns).removesuffix(END)


def _closed(turn: re.Match[str]) -> str:
    return turn[0] + END if turn[1] == "Assistant" else turn[0]


def _comments(folder: Path) -> Iterator[str]:
    for row in read_rows(folder / "toxicity_train.jsonl.gz"):
        if row["source"] != "madlibs" and len(row["text"]) > 30:
            yield row["text"]
    for row in read_rows(folder / "rtp_prompts.jsonl.gz"):
        yield row["prompt"]["text"] + row["continuation"]["text"]


SOURCES = (
    Source("encyclopedia", 0.62, _prose("wikipedia_en_slice.txt.xz")),
    Source("dialogues", 0.12, _dialogues),
    Source("textbooks", 0.05, _prose("openstax.txt.xz")),
    Source("speeches", 0.03, _prose("us_addresses.txt.xz")),
    Source("comments", 0.18, _comments),
)


def sample(folder: Path, characters: int) -> Iterator[str]:
    """Yield documents of every source, about this many characters in all, by the sources' shares."""
    for source in SOURCES:
        left = characters * source.share
        for text in source.documents(folder):
            if left <= 0:
                break
            if not _is_held_out(text):
                left -= len(text)
                yield text


def load(folder: Path, tokenizer: Tokenizer) -> dict[str, Tokens]:
    """Return by source what is learnt from: documents end to end, each closed by END. OSError if a file is missing."""
    learnt: dict[str, Tokens] = {}
    for source in SOURCES:
        texts = [text for text in source.documents(folder) if not _is_held_out(text)]
        learnt[source.name] = _tokens(texts, tokenizer)
        say(f"{source.name}: {learnt[source.name].size:,} tokens")
    return learnt


def held_out(folder: Path, tokenizer: Tokenizer) -> Iterator[tuple[str, Tokens, int]]:
    """Return by source the held-out documents as tokens, and how many characters they have."""
    for source in SOURCES:
        texts = [text for text in source.documents(folder) if _is_held_out(text)]
        yield source.name, _tokens(texts, tokenizer), sum(len(text.replace(END, "")) for text in texts)


def _is_held_out(text: str) -> bool:
    return draw(text, _HELD_OUT_PARTS) == 0


def _tokens(texts: list[str], tokenizer: Tokenizer) -> Tokens:
    parts = [
        np.array(encoding.ids, dtype=np.uint16)
        for at in range(0, len(texts), _AT_ONCE)
        for encoding in tokenizer.encode_batch([text + END for text in texts[at : at + _AT_ONCE]])
    ]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.uint16)
