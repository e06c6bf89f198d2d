"""What a judge is given to read."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Passage:
    """Context and the fresh text after it. ValueError unless `fresh` lies in the text or at its end.

    `fresh` is the index of the first character that may still be rewound; everything before it is only context.
    `also_read` are other texts that a reader may make of it: they are judged with it.
    """

    text: str
    fresh: int
    also_read: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.fresh <= len(self.text):
            raise ValueError(f"fresh must be in 0..{len(self.text)}, not {self.fresh}")
