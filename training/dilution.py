"""Whether plain text hides an insult: how many of 24 are missed, by how much of it stands before and after them.

The insults and threats are short ones that are held out from the training; the plain text is encyclopedia prose. A text
is judged whole, as a classifier by itself does, and in its parts too, as the server does (filters/parts.py).
"""

import random
from collections.abc import Iterator, Sequence

from filters.scorer import Scorer, Scores
from filters.scorers.detoxify import DetoxifyScorer
from reporting import markdown
from training import data
from training.evaluate import flags, held_out, score_in_parts
from training.examples import CATEGORIES, Example
from training.setting import Setting

LENGTHS = (0, 110, 220, 440, 880)
"""Characters of plain text on a side."""
COUNT = 24
_WORDS = range(4, 10)
_HOSTILE = [CATEGORIES.index(name) for name in ("threat", "insult")]
_TRIES = 2  # plain texts around each insult


def insults(examples: Sequence[Example]) -> list[str]:
    """Return the first `COUNT` texts of a few words that are labelled as an insult or a threat."""
    hostile = (example for example in examples if any(example.targets[at] >= 0.5 for at in _HOSTILE))
    return [example.text for example in hostile if len(example.text.split()) in _WORDS][:COUNT]


def surround(text: str, before: int, after: int, prose: Sequence[str], rng: random.Random) -> str:
    """Put the text amid whole words of prose, about this many characters on each side."""
    return " ".join(part for part in (_plain(before, prose, rng), text, _plain(after, prose, rng)) if part)


def _plain(length: int, prose: Sequence[str], rng: random.Random) -> str:
    said = ""
    while len(said) < length:
        said = f"{said} {rng.choice(prose)}".strip()
    return said[:length].rpartition(" ")[0]


def missed(scorer: Scorer, texts: Sequence[str]) -> tuple[float, float]:
    """Return the shares of texts that the default policy does not flag: judged whole, and in their parts too."""
    wholes, highest = score_in_parts(scorer, texts)
    return _missed(wholes), _missed(highest)


def _missed(found: Sequence[Scores]) -> float:
    return sum(not flags(scores) for scores in found) / max(1, len(found))


def table(scorer: Scorer, hostile: Sequence[str], prose: Sequence[str], seed: int) -> str:
    """Give a row to what stands before and a column to what stands after; a cell has judged whole, and in parts."""
    rng = random.Random(seed)
    rows = []
    for before in LENGTHS:
        cells = []
        for after in LENGTHS:
            texts = [surround(text, before, after, prose, rng) for text in hostile for _ in range(_TRIES)]
            whole, parts = missed(scorer, texts)
            cells.append(f"{whole:.0%}, {parts:.0%}")
        rows.append((f"{before} before", *cells))
    return markdown.table(("characters", *(f"{after} after" for after in LENGTHS)), rows)


def blocks(setting: Setting) -> Iterator[str]:
    """Yield this part of the report."""
    yield "## Insults amid plain text"
    hostile = insults(held_out(setting.data).held_out[data.CASED])
    prose = [example.text for example in data.prose(setting.data, random.Random(setting.seed))]
    yield table(DetoxifyScorer.load(str(setting.classifier)), hostile, prose, setting.seed)
    yield (
        f"Missed by the default policy: judged whole, and in parts too as the server does. {len(hostile)} held-out "
        f"insults and threats of {_WORDS.start} to {_WORDS.stop - 1} words, {_TRIES} surroundings each, "
        f"seed {setting.seed}."
    )
