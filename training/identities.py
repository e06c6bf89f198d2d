"""Sentences about groups of people: a group's name must not raise the score, and hostility in polite words must.

The sentences are written for this file, and none is a benchmark's. A hostile claim comes in three forms: said, denied,
and reported in order to oppose it. Only the first is an attack.
"""

import itertools
import random
import re
from collections.abc import Iterator

from training.examples import Example, all_known, clean

_ADJECTIVES = (
    "gay lesbian bisexual transgender trans queer straight nonbinary Muslim Jewish Christian Hindu Sikh Buddhist "
    "atheist Catholic black white Asian African Arab Latino Hispanic Mexican Chinese Indian Turkish Polish Roma "
    "Nigerian Somali Russian Korean disabled deaf blind autistic paralyzed elderly old young female male feminist "
    "immigrant homeless foreign indigenous"
).split()
_PLURALS = (
    *(
        f"{adjective} people"
        for adjective in _ADJECTIVES
        if adjective not in ("feminist", "immigrant", "male", "female")
    ),
    *"women men girls immigrants migrants refugees foreigners feminists Muslims Jews Christians Hindus Sikhs".split(),
    *"Catholics atheists Arabs Mexicans Africans Asians lesbians pensioners teenagers transsexuals Gypsies".split(),
    "wheelchair users",
    "asylum seekers",
    "the disabled",
    "trans women",
)
_PERSONS = "woman man colleague neighbour teacher student friend nurse couple parent engineer writer".split()

_ABOUT_ONE = (
    "My {a} {p} lent me a ladder yesterday.",
    "A {a} {p} moved in next door.",
    "She grew up as a {a} {p} in a small town.",
    "The {a} {p} at the library showed me the new shelves.",
    "I had lunch with a {a} {p} on Tuesday.",
    "Our team has a {a} {p} who likes chess.",
    "He described himself as a {a} {p}.",
    "As a {a} {p}, I would like to vote early.",
    "We hired a {a} {p} last spring.",
    "There is a film about a {a} {p} and a dog.",
    "I'm {a} and so is my sister.",
    "Is your {p} {a} too?",
    "You are a {a} {p}, aren't you?",
    "I am a {a} {p} from Leeds.",
    "he is {a}",
    "They asked whether the {p} was {a}.",
    "Being {a} was never a secret in our family.",
    "The {a} {p} was attacked on the way home and is now in hospital.",
)
_ABOUT_MANY = (
    "The survey asked 400 {g} about their commute.",
    "Many {g} live near the harbour.",
    "{g} make up a tenth of the city.",
    "A meeting place for {g} opens on Friday.",
    "The museum shows photographs of {g} from the 1950s.",
    "Some {g} vote for the left and some for the right.",
    "What do {g} think about the new law?",
    "Several {g} sued the company over unpaid wages.",
    "I grew up around {g}.",
    "The clinic offers free advice for {g}.",
    "{g} have run this bakery for years.",
    "Two books about {g} were published in March.",
    "It was a good day for {g} everywhere.",
    "My cousin teaches {g} to swim.",
    "Prejudice against {g} has many causes.",
    "{g} were persecuted during the war.",
)
# Claims are finite clauses, so that each can be said, denied and reported.
_CLAIMS = (
    "{g} ruin every place they move to",
    "{g} are a burden on the rest of us",
    "{g} should not be allowed to vote",
    "{g} do not belong in this country",
    "{g} are all liars and thieves",
    "{g} make me sick",
    "{g} are not worth helping",
    "{g} should be locked away",
    "{g} are less intelligent than normal people",
    "{g} carry diseases",
    "{g} are like rats in a cellar",
    "{g} can never be trusted",
    "{g} deserve whatever happens to them",
    "{g} are dirty and lazy",
    "{g} have no place in our schools",
    "{g} bring nothing but trouble",
    "the world would be better off without {g}",
    "nobody decent would marry one of those {g}",
    "I cannot stand {g}",
    "I want {g} out of my street",
)
_THREATS = (
    "Someone ought to beat up those {g}.",
    "I will hurt the next {g} I see.",
    "Let's burn down the homes of {g}.",
    "{g} should be shot at the border.",
    "One day we will come for all {g} and they will bleed.",
)
_SAID = (
    "{c}.",
    "{c}!",
    "Honestly, {c}.",
    "We all know that {c}.",
    "{c}, that is just a fact.",
    "Isn't it true that {c}?",
)
_NOT_SAID = (
    "It is simply false that {c}.",
    "Nobody should say that {c}.",
    "He was rightly fired for claiming that {c}.",
    "I don't believe for a second that {c}.",
    "Whoever says that {c} is wrong.",
    'The leaflet read "{c}", and hundreds marched against it.',
)
_OBJECTS = (
    "this printer,winter,early meetings,the new font,long queues,wet socks,my old phone,traffic,olives,this song".split(
        ","
    )
)
_GRIPES = (
    "I cannot stand {o}.",
    "{o} makes me sick",
    "Get rid of {o}, it is awful!",
    "{o} can never be trusted.",
    "Honestly, {o} is the worst.",
)
_PRAISE = (
    "I could spend all day with {g}.",
    "{g} deserve the same rights as everyone.",
    "We are proud of the {g} in our town.",
    "No one should be afraid of {g}.",
    "{g} make this place better.",
    "I do not hate {g} at all.",
)

_CLAIM = (0.9, 0.05, 0.05, 0.0, 0.6, 0.9)
_THREAT = (0.95, 0.3, 0.05, 0.95, 0.3, 0.85)
_NAMED = re.compile(
    r"\b(gays?|lesbians?|bisexual|transgender|queer|homosexual\w*|muslims?|islam\w*|jews?|jewish|hindus?|sikhs?"
    r"|buddhists?|catholics?|atheists?|black (?:people|men|women)|african.americans?|arabs?|latinos?|hispanics?"
    r"|mexicans?|immigrants?|refugees?|feminis\w+|disabled|deaf|blind|autis\w+|women|transsexual\w*|roma|gypsies)\b",
    re.IGNORECASE,
)


def names_a_group(text: str) -> bool:
    """Whether one of the commoner names of a group of people occurs in the text."""
    return _NAMED.search(text) is not None


def neutral(rng: random.Random, count: int) -> list[Example]:
    """Sentences that name a group and mean it no harm, and complaints about things instead of people."""
    return [clean(_neutral(rng), "neutral_identity") for _ in range(count)]


def hostile(rng: random.Random, count: int) -> list[Example]:
    """Attacks on groups, a fifth of them threats."""
    return [_hostile(rng) for _ in range(count)]


def templates() -> Iterator[str]:
    """Every sentence with its gaps, for comparing with a benchmark's."""
    return itertools.chain(_ABOUT_ONE, _ABOUT_MANY, _CLAIMS, _THREATS, _GRIPES, _PRAISE)


def _neutral(rng: random.Random) -> str:
    form = rng.random()
    if form < 0.35:
        return _article(rng.choice(_ABOUT_ONE).format(a=rng.choice(_ADJECTIVES), p=rng.choice(_PERSONS)))
    if form < 0.6:
        return _sentence(rng.choice(_ABOUT_MANY).format(g=_group(rng)))
    if form < 0.7:
        return _sentence(rng.choice(_PRAISE).format(g=_group(rng)))
    if form < 0.78:
        return _sentence(rng.choice(_GRIPES).format(o=rng.choice(_OBJECTS)))
    return _sentence(rng.choice(_NOT_SAID).format(c=_claim(rng)))


def _hostile(rng: random.Random) -> Example:
    if rng.random() < 0.2:
        text = rng.choice(_THREATS).format(g=_group(rng))
        return all_known(_sentence(text), _THREAT, "hostile_identity")
    return all_known(_sentence(rng.choice(_SAID).format(c=_claim(rng))), _CLAIM, "hostile_identity")


def _claim(rng: random.Random) -> str:
    return rng.choice(_CLAIMS).format(g=_group(rng))


def _group(rng: random.Random) -> str:
    return rng.choice(_PLURALS)


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def _article(text: str) -> str:
    """The text with "an" where a vowel follows."""
    return re.sub(r"\b([Aa]) (?=[aeioAEIO])", r"\1n ", text)
