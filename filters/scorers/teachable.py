"""The port of a scorer beside whose weights something can be learned."""

from typing import Protocol, runtime_checkable

from filters.category import Category
from filters.scorers.heads import Heads
from filters.scorers.shadow import Shadow


@runtime_checkable
class Teachable(Protocol):
    """Takes heads over its embeddings while it is used. `own` are its own categories, `checksum` is of its weights."""

    own: tuple[Category, ...]
    checksum: str

    @property
    def categories(self) -> tuple[Category, ...]:
        """Its own and those that it was taught."""

    def teach(self, heads: Heads | None, shadow: Shadow | None = None) -> None:
        """Score with these heads from the next call on, None for none, and compare with the shadow's."""

    def must_read(self, text: str) -> bool:
        """Return whether a text may not be cleared by anything that knows nothing of what was learned."""
