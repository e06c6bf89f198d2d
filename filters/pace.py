"""How much work waits for the scorer, in seconds, by how fast it has been."""

SHARE = 0.1
"""What the latest pass counts for in the pace."""


class Pace:
    """Seconds that a text takes, over the passes so far. Times are those of one clock that never goes back."""

    def __init__(self) -> None:
        self._text_seconds: float | None = None
        self._began: float | None = None
        self._texts = 0

    def begin(self, now: float, texts: int) -> None:
        """Note that a pass over so many texts begins."""
        self._began, self._texts = now, texts

    def end(self, seconds: float) -> None:
        """Note that the pass has ended, and took so long."""
        found, known = seconds / self._texts, self._text_seconds
        self._text_seconds = found if known is None else known + SHARE * (found - known)
        self._began = None

    def backlog(self, now: float, waiting: int) -> float:
        """Return the seconds of work in so many waiting texts, and in the pass that is under way.

        That one counts whole, and as long as it has taken already if that is more: it may hang.
        """
        text = self._text_seconds or 0.0
        under_way = 0.0 if self._began is None else max(self._texts * text, now - self._began)
        return waiting * text + under_way
