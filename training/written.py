"""What the language model writes, for the screen to learn from: `python -m training.written --out FILE`.

A guard judges what a model writes, which is unlike what people write. The openings of comments, prose and
dialogues are continued, unguarded; rows of prompt and text are written, in the order of the openings, and none printed.
Same data, seed and server settings: same openings and seeds and, as far as the engine allows, same texts.
"""

import argparse
import asyncio
import gzip
import json
import random
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from openai import AsyncOpenAI

from benchmarks.served import serving
from training import data
from training.console import say
from training.continued import continued
from training.evaluate import held_out
from training.passages import documents
from training.setting import CLASSIFIER, DATA, LANGUAGE_MODEL

# Of 16 openings, how many are taken from each source; the rest are comments.
_PROSE = {"wikipedia_en_slice.txt.xz": 5, "sgd_dialogues.txt.xz": 3, "wikinews_en.txt.xz": 2, "movie_reviews.txt.xz": 1}
_WORDS = (3, 12)  # of an opening
_LONGEST = 800  # characters: it has to fit into the model's context, with an answer
_TEMPERATURES = (1.0, 1.0, 0.7)
_MAX_TOKENS = 128
_TOGETHER = 256  # requests: the engine takes as many at once as it can
_TURN = re.compile(r"Assistant:")
_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Opening:
    """A text to be continued, with the seed and temperature to do it with."""

    text: str
    seed: int
    temperature: float


def openings(folder: Path, count: int, seed: int) -> list[Opening]:
    """Draw `count` openings, none held out by the classifier's training. OSError if a file of texts is missing."""
    rng = random.Random(seed)
    comments = [example.text for example in data.capped(held_out(folder).train, rng)]
    sources = [comments] * (16 - sum(_PROSE.values()))
    sources += [texts for name, parts in _PROSE.items() for texts in [list(documents(folder / name))] * parts]
    drawn = (_opening(rng.choice(rng.choice(sources)), rng) for _ in range(2 * count))
    kept = dict.fromkeys(text for text in drawn if text)
    return [Opening(text, seed + at, rng.choice(_TEMPERATURES)) for at, text in enumerate(list(kept)[:count])]


def _opening(text: str, rng: random.Random) -> str:
    """Return its first words; of a dialogue, what comes before one of the answers."""
    text = text[:_LONGEST]
    turns = [found.end() for found in _TURN.finditer(text)]
    if turns:
        return text[: rng.choice(turns)]
    ends = [found.end() for found in _WORD.finditer(text)][: rng.randint(*_WORDS)]
    return text[: ends[-1]] if ends else ""


async def write(path: Path, base_url: str, every: Sequence[Opening]) -> None:
    """Write a row for each text that is not empty, as `.jsonl.gz`, and report progress. openai.APIError.

    What was written before an error stays.
    """
    begun = time.monotonic()
    async with AsyncOpenAI(base_url=base_url, api_key="none", timeout=600) as client:
        model = (await client.models.list()).data[0].id
        with gzip.open(path, "wt", encoding="utf-8") as file:
            for at in range(0, len(every), _TOGETHER):
                some = every[at : at + _TOGETHER]
                texts = await asyncio.gather(*(_continue(client, model, opening) for opening in some))
                for opening, text in zip(some, texts, strict=True):
                    if text.strip():
                        file.write(json.dumps({"prompt": opening.text, "text": text}) + "\n")
                say(f"{at + len(some):,} of {len(every):,} texts, {time.monotonic() - begun:.0f} s")


async def _continue(client: AsyncOpenAI, model: str, opening: Opening) -> str:
    sampling = {"max_tokens": _MAX_TOKENS, "temperature": opening.temperature, "seed": opening.seed}
    (text,) = await continued(client, model, opening.text, **sampling)
    return text


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with the collection of texts")
    parser.add_argument("--out", type=Path, required=True, help="file to write, a .jsonl.gz")
    parser.add_argument("--count", type=int, default=16_000, help="texts (default: 16000)")
    parser.add_argument("--language-model", type=Path, default=LANGUAGE_MODEL, help="folder of the one that writes")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    every = openings(args.data, args.count, args.seed)
    with serving(args.language_model, CLASSIFIER) as base_url:
        asyncio.run(write(args.out, base_url, every))


if __name__ == "__main__":
    main()
