"""What a judge is given to read."""

from dataclasses import dataclass

from filters.span import TextSpan


@dataclass(frozen=True, slots=True)
class Passage:
    """Context and the fresh text after it. ValueError unless `fresh` lies in the text or at its end.

    `fresh` is the index of the first character that may still be rewound; everything before it is only context.
    `also_read` are other texts that a reader may make of it: they are judged with it. Its first `lead` characters are
    the beginning of a word that somebody else wrote and that the text continues.
    """

    text: str
    fresh: int
    also_read: tuple[str, ...] = ()
    lead: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.fresh <= len(self.text):
            raise ValueError(f"fresh must be in 0..{len(self.text)}, not {self.fresh}")

    def without_lead(self) -> "Passage":
        """Return the same without the beginning that somebody else wrote."""
        lead = self.text[: self.lead]
        others = tuple(text.removeprefix(lead) for text in self.also_read)
        return Passage(self.text[self.lead :], max(0, self.fresh - self.lead), others)

    def within(self, place: TextSpan) -> "Passage":
        """Return the part of it in that place, as a passage by itself."""
        length = place.end - place.start
        return Passage(self.text[place.start : place.end], min(max(0, self.fresh - place.start), length))
