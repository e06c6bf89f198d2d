"""Harmless sentences of the kinds that filters of this sort are known to block, made from the templates of benign.txt.

Each has something that looks rude out of context: a name, a game, a part of the body, a command, a figure of speech,
a word of another language, a table, an instruction to a model, a fault that writers find with themselves, a word that
is quoted or denied. Nothing there is taken from a benchmark.
"""

import random
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from training import phrases
from training.examples import Example, clean

_FILE = Path(__file__).with_name("benign.txt")
_GAP = re.compile(r"\{(\w+)\}")
_SIGNS = (("{{", "\x00", "{"), ("}}", "\x01", "}"), ("\\n", "\x02", "\n"))
"""How a brace or a new line is written in a template, what stands for it while gaps are filled, and what is said."""


def read(text: str) -> tuple[Mapping[str, Sequence[str]], Mapping[str, Sequence[str]]]:
    """Return the templates by kind and the fillers by gap, of a text in the form of benign.txt."""
    sections = dict(phrases.read(text))
    named = (line.split(": ", 1) for line in sections.pop("fillers"))
    return sections, {name: fillers.split(" | ") for name, fillers in named}


_read = read(_FILE.read_text(encoding="utf-8"))
TEMPLATES: Mapping[str, Sequence[str]] = _read[0]
FILLERS: Mapping[str, Sequence[str]] = _read[1]


def harmless(rng: random.Random, count: int) -> list[Example]:
    """Return this many sentences, equally many of each kind; the same seed gives the same ones."""
    kinds = list(TEMPLATES)
    templates = (rng.choice(TEMPLATES[kinds[at % len(kinds)]]) for at in range(count))
    return [clean(filled(rng, template, FILLERS), "benign") for template in templates]


def filled(rng: random.Random, text: str, fillers: Mapping[str, Sequence[str]]) -> str:
    """Return the template with each gap filled at random, four times in five with a capital letter at its head."""
    for written, meanwhile, _ in _SIGNS:
        text = text.replace(written, meanwhile)
    text = _GAP.sub(lambda gap: rng.choice(fillers[gap[1]]), text)
    for _, meanwhile, said in _SIGNS:
        text = text.replace(meanwhile, said)
    return text[0].upper() + text[1:] if rng.random() < 0.8 else text
