"""What text is held against, whatever language it is in.

1. A language's own thresholds hold for text that is surely in it. Where several languages may be meant, or none is
   sure, the lowest of all that may be meant holds: a change of language, or a doubt about it, never lets more through.
2. Where a policy does not care about languages nobody looks for them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from filters.languages import UNKNOWN, Found
from filters.thresholds import Thresholds, strictest


@dataclass(frozen=True, slots=True)
class Heard:
    """What texts are held against, and whether any is in a language that the scorer does not read."""

    thresholds: Thresholds
    unread: bool = False


@dataclass(frozen=True)
class Standard:
    """The thresholds of any text, those of single languages (each complete), and whether it matters what is read."""

    thresholds: Thresholds
    languages: Mapping[str, Thresholds] = field(default_factory=dict)
    minds_unread: bool = False

    @property
    def minds(self) -> bool:
        """Whether the language of a text makes a difference."""
        return self.minds_unread or bool(self.languages)

    @cached_property
    def strictest(self) -> Thresholds:
        """The lowest thresholds of all languages: for text whose language is not looked for."""
        return strictest([self.thresholds, *self.languages.values()])

    def heard(self, texts: Sequence[Found], read: frozenset[str] | None) -> Heard:
        """Return the lowest thresholds of all languages that these texts may be written in. `read`: by the scorer."""
        codes = {code for found in texts for code in found.candidates} or {UNKNOWN}
        thresholds = strictest([self.languages.get(code, self.thresholds) for code in codes])
        return Heard(thresholds, self.minds_unread and any(found.unread(read) for found in texts))
