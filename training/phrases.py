"""Words for sentences about groups, persons and things, by kind, out of phrases.txt, where each kind is explained."""

from collections.abc import Mapping
from pathlib import Path

_FILE = Path(__file__).with_name("phrases.txt")


def read(text: str) -> Mapping[str, tuple[str, ...]]:
    """Return the entries of each kind in their order, of a text in the form of phrases.txt (and benign.txt)."""
    kinds: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith("["):
            entries = kinds.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            entries.append(line)
    return {kind: tuple(entries) for kind, entries in kinds.items()}


_KINDS = read(_FILE.read_text(encoding="utf-8"))
ADJECTIVES = _KINDS["adjectives"]
GROUPS = _KINDS["groups"]
PERSONS = _KINDS["persons"]
TRADES = _KINDS["trades"]
THINGS = _KINDS["things"]
UNKIND = _KINDS["unkind"]
KIND = _KINDS["kind"]
THREATS = _KINDS["threats"]
HELP = _KINDS["help"]
SAID = _KINDS["said"]
OPPOSED = _KINDS["opposed"]
NOT_HOSTILE = _KINDS["not_hostile"]
BAD = _KINDS["bad"]
WHY_UNKIND = _KINDS["why_unkind"]
GOOD = _KINDS["good"]
WHY_KIND = _KINDS["why_kind"]
ABOUT_ONE = _KINDS["about_one"]
ABOUT_MANY = _KINDS["about_many"]
TO_ONE_UNKIND = _KINDS["to_one_unkind"]
TO_ONE_KIND = _KINDS["to_one_kind"]
ONE_BAD = _KINDS["one_bad"]
TO_ONE_THREAT = _KINDS["to_one_threat"]
