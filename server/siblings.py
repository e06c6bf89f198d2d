"""The processes that an API server stands and falls with: all that its starter has started, engine cores among them.

vLLM ends all of them when one has died, as it does when it is asked to, and does not say which of the two it was.
"""

import psutil


class Siblings:
    """The children of a process, as they were when looked at. None: those of the one that has started this process.

    The last two looks count: between a death and vLLM's word of it there may be one already.
    """

    def __init__(self, parent: psutil.Process | None = None) -> None:
        self._parent = parent or psutil.Process().parent()
        self._before: set[int] = set()
        self._seen: set[int] = set()
        self.look()

    def look(self) -> None:
        """Remember who is there."""
        self._before = self._seen
        self._seen = self._running()

    def are_there(self) -> bool:
        """Return whether all who were there at one of the last two looks still are."""
        return self._before | self._seen <= self._running()

    def _running(self) -> set[int]:
        try:
            children = self._parent.children() if self._parent else []
        except psutil.NoSuchProcess:
            return set()
        return {child.pid for child in children if _lives(child)}


def _lives(process: psutil.Process) -> bool:
    """Return whether a process has not ended; one that was killed has lost its memory before its parent is told."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE and process.memory_info().rss)
    except psutil.NoSuchProcess:
        return False
