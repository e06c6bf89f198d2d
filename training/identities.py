"""Sentences about groups of people: a group's name must not raise the score, and hostility in polite words must.

What is said of a group is also denied, and reported in order to oppose it; similar things are said in praise; and the
same is said of things, trades and single persons. So neither the name, nor the unkind word, nor the frame decides
alone. The method is that of counterfactual augmentation (D. Kaushik and others, 2020).
"""

import itertools
import random
import re
from collections.abc import Callable, Iterator

from training import phrases
from training.examples import Example, all_known, clean

# In the order of the categories: toxicity, severe toxicity, obscene, threat, insult, identity attack.
_ATTACK = (0.95, 0.05, 0.05, 0.0, 0.6, 0.95)
_THREAT = (0.95, 0.3, 0.05, 0.95, 0.3, 0.85)
_TRADE_ATTACK = (0.35, 0.0, 0.0, 0.0, 0.35, 0.05)
_TRADE_THREAT = (0.6, 0.1, 0.0, 0.8, 0.1, 0.05)
_INSULT = (0.95, 0.05, 0.2, 0.0, 0.95, 0.02)
_PERSONAL_THREAT = (0.95, 0.3, 0.05, 0.95, 0.2, 0.02)

_NAMED = re.compile(
    r"\b(gays?|lesbians?|bisexual|transgender|queer|homosexual\w*|muslims?|islam\w*|jews?|jewish|hindus?|sikhs?"
    r"|buddhists?|catholics?|atheists?|black (?:people|men|women)|african.americans?|arabs?|latinos?|hispanics?"
    r"|mexicans?|immigrants?|refugees?|feminis\w+|disabled|deaf|blind|autis\w+|women|transsexual\w*|roma|gypsies)\b",
    re.IGNORECASE,
)

Form = Callable[[random.Random], str]


def names_a_group(text: str) -> bool:
    """Return whether one of the commoner names of a group of people occurs in the text."""
    return _NAMED.search(text) is not None


def neutral(rng: random.Random, count: int) -> list[Example]:
    """Return sentences that name a group and mean it no harm, and hard words for things instead of people."""
    return [clean(_picked(rng, _NEUTRAL), "neutral_identity") for _ in range(count)]


def hostile(rng: random.Random, count: int) -> list[Example]:
    """Return attacks on groups, a quarter of them threats."""
    return [_hostile(rng) for _ in range(count)]


def personal(rng: random.Random, count: int) -> list[Example]:
    """Return attacks on single persons, which are no attacks on a group, and on trades, which are half as bad."""
    return [_personal(rng) for _ in range(count)]


def templates() -> Iterator[str]:
    """Return every sentence with its gaps, for comparing with a benchmark's."""
    return itertools.chain(
        phrases.UNKIND, phrases.KIND, phrases.THREATS, phrases.HELP, phrases.ABOUT_ONE, phrases.ABOUT_MANY
    )


def _hostile(rng: random.Random) -> Example:
    roll = rng.random()
    if roll < 0.25:
        return all_known(_said(rng, phrases.THREATS, phrases.GROUPS), _THREAT, "hostile_identity")
    if roll < 0.35:
        return all_known(_asked(rng, phrases.WHY_UNKIND), _ATTACK, "hostile_identity")
    return all_known(_said(rng, phrases.UNKIND, phrases.GROUPS), _ATTACK, "hostile_identity")


def _personal(rng: random.Random) -> Example:
    roll = rng.random()
    if roll < 0.3:
        return all_known(_said(rng, phrases.UNKIND, phrases.TRADES), _TRADE_ATTACK, "personal", 0.5)
    if roll < 0.4:
        return all_known(_said(rng, phrases.THREATS, phrases.TRADES), _TRADE_THREAT, "personal", 0.5)
    if roll < 0.55:
        return all_known(rng.choice(phrases.TO_ONE_THREAT), _PERSONAL_THREAT, "personal")
    text = rng.choice(phrases.TO_ONE_UNKIND).format(bad=rng.choice(phrases.ONE_BAD))
    return all_known(text, _INSULT, "personal")


def _said(rng: random.Random, clauses: tuple[str, ...], subjects: tuple[str, ...] | list[str]) -> str:
    clause = rng.choice(clauses).format(s=rng.choice(subjects))
    return _sentence(rng.choice(phrases.SAID).format(c=clause))


def _opposed(rng: random.Random) -> str:
    clause = rng.choice(phrases.UNKIND + phrases.THREATS).format(s=rng.choice(phrases.GROUPS))
    return _sentence(rng.choice(phrases.OPPOSED).format(c=clause))


def _denied(rng: random.Random) -> str:
    text = rng.choice(phrases.NOT_HOSTILE)
    return _sentence(text.format(s=rng.choice(phrases.GROUPS), bad=rng.choice(phrases.BAD)))


def _asked(rng: random.Random, forms: tuple[str, ...]) -> str:
    words = {"bad": rng.choice(phrases.BAD), "good": rng.choice(phrases.GOOD)}
    return rng.choice(forms).format(s=rng.choice(phrases.GROUPS), **words)


def _about_one(rng: random.Random) -> str:
    text = rng.choice(phrases.ABOUT_ONE).format(a=rng.choice(phrases.ADJECTIVES), p=rng.choice(phrases.PERSONS))
    return _sentence(_article(text)) if rng.random() < 0.8 else _article(text)


def _about_many(rng: random.Random) -> str:
    return _sentence(rng.choice(phrases.ABOUT_MANY).format(s=rng.choice(phrases.GROUPS)))


def _to_one(rng: random.Random) -> str:
    return rng.choice(phrases.TO_ONE_KIND).format(good=rng.choice(phrases.GOOD))


_NEUTRAL: tuple[tuple[float, Form], ...] = (
    (0.18, _about_one),
    (0.12, _about_many),
    (0.22, lambda rng: _said(rng, phrases.KIND, phrases.GROUPS)),
    (0.05, lambda rng: _said(rng, phrases.HELP, phrases.GROUPS)),
    (0.04, lambda rng: _asked(rng, phrases.WHY_KIND)),
    (0.12, lambda rng: _said(rng, phrases.UNKIND + phrases.THREATS, phrases.THINGS)),
    (0.14, _opposed),
    (0.10, _denied),
    (0.03, _to_one),
)


def _picked(rng: random.Random, forms: tuple[tuple[float, Form], ...]) -> str:
    form = rng.choices([form for _, form in forms], [share for share, _ in forms])[0]
    return form(rng)


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def _article(text: str) -> str:
    """Return the text with "an" where a vowel follows."""
    return re.sub(r"\b([Aa]) (?=[aeioAEIO])", r"\1n ", text)
