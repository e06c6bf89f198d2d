"""A stretch of text."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TextSpan:
    """Half-open stretch of a text, in characters: `text[start:end]`. ValueError unless 0 <= start <= end."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            raise ValueError(f"a span needs 0 <= start <= end, not [{self.start}, {self.end})")
