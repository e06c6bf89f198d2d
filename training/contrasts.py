"""Hateful sentences and harmless ones close to them, word for word, in the languages of `contrasts/*.txt`.

What is said of a group with hate is denied, condemned and asked about too, and said of weeds, machines and teams, so
that neither the predicate nor the group's name decides alone. The kinds are those of functional tests (P. Röttger and
others, HateCheck, 2021); the sentences are this project's own, and none is a benchmark's.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from training import benign
from training.examples import CATEGORIES, Example

_FOLDER = Path(__file__).with_name("contrasts")
LABELS = ("hateful", "harmless")
_WEIGHT = 0.8
# Whether an oath that is meant for nobody, or a hard word for oneself, is toxic is a matter of taste.
_WEIGHTS = {"self": 0.3, "swearing": 0.4}
_FRAMED = 0.4
"""The share of sentences that stand before or after a plain one."""

_HARMLESS = (0.0,) * len(CATEGORIES)
Targets = tuple[float | None, ...]
# In the order of the categories: toxicity, severe toxicity, obscene, threat, insult, identity attack. None is masked.
TARGETS: Mapping[str, Mapping[str, Targets]] = {
    "hateful": {
        "dehumanising": (0.95, None, None, None, 0.6, 0.95),
        "excluding": (0.95, None, None, None, None, 0.95),
        "threat": (0.95, None, None, 0.95, None, 0.85),
        "implied": (0.9, None, None, None, None, 0.9),
        "asked": (0.9, None, None, None, None, 0.9),
        "denied": (0.9, None, None, None, None, 0.9),
        "later": (0.95, None, None, None, None, 0.95),
        "insult": (0.95, None, None, 0.0, 0.95, 0.0),
        "menace": (0.95, None, None, 0.95, None, 0.0),
        "wish": (0.95, None, None, None, None, 0.0),
    },
    "harmless": {
        "negated": _HARMLESS,
        "condemned": _HARMLESS,
        "asked": _HARMLESS,
        "positive": _HARMLESS,
        "neutral": _HARMLESS,
        "things": _HARMLESS,
        "swearing": (0.0, 0.0, None, 0.0, 0.0, 0.0),
        "friendly": _HARMLESS,
        "everyday": _HARMLESS,
        "self": _HARMLESS,
    },
}
"""What each kind of sentence means, by label. A kind's name stands at the head of its part of a file: `[label kind]`.

dehumanising: a group is likened to what is no human; excluding: it does not belong here; implied: contempt in polite
words; asked: the same as a question or an opinion; denied: what is good is denied; later: only the second clause says
whom it is about; insult, menace, wish: one person is insulted, threatened, wished dead. Harmless: the same denied,
condemned, asked about; good and plain words about the same groups; hard words for things and teams; oaths that insult
nobody; rude words among friends; names, games, medicine, computing, sport, cooking and words that look rude; hard words
for oneself.
"""


@dataclass(frozen=True, slots=True)
class Language:
    """The templates of one language by `label kind`, the fillers by gap, and plain frames around a {said} sentence."""

    templates: Mapping[str, Sequence[str]]
    fillers: Mapping[str, Sequence[str]]
    frames: Sequence[str]

    def labelled(self, label: str) -> list[tuple[str, str]]:
        """Return kind and template of each sentence with this label."""
        heads = ((head.split(), texts) for head, texts in self.templates.items())
        return [(kind, text) for (own, kind), texts in heads if own == label for text in texts]


def read(text: str) -> Language:
    """Return the language that a text in the form of en.txt describes. KeyError without fillers or frames."""
    templates, fillers = benign.read(text)
    return Language({head: own for head, own in templates.items() if head != "frames"}, fillers, templates["frames"])


LANGUAGES: Mapping[str, Language] = {
    path.stem: read(path.read_text(encoding="utf-8")) for path in sorted(_FOLDER.glob("*.txt"))
}
FOREIGN = tuple(name for name in LANGUAGES if name != "en")


def contrasts(rng: random.Random, count: int, among: Sequence[str] = tuple(LANGUAGES)) -> list[Example]:
    """Return this many sentences, by turns of each label and each language in `among`; equal seeds give equal ones.

    The source is `contrasts/` and the language. KeyError if there is no such language.
    """
    turns = [(name, label, LANGUAGES[name].labelled(label)) for label in LABELS for name in among]
    return [_drawn(rng, *turns[at % len(turns)]) for at in range(count)]


def _drawn(rng: random.Random, name: str, label: str, templates: Sequence[tuple[str, str]]) -> Example:
    kind, template = rng.choice(templates)
    text = benign.filled(rng, template, LANGUAGES[name].fillers)
    if rng.random() < _FRAMED:
        text = rng.choice(LANGUAGES[name].frames).replace("{said}", text)
    return _example(text, TARGETS[label][kind], _WEIGHTS.get(kind, _WEIGHT), f"contrasts/{name}")


def _example(text: str, targets: Targets, weight: float, source: str) -> Example:
    weights = tuple(0.0 if target is None else weight for target in targets)
    return Example(text, tuple(target or 0.0 for target in targets), weights, source)
