"""What was learned beside the classifier, put in force and taken back while the server runs (docs/learning.md).

1. `state.json` in the folder says which version judges and which is compared with it; it is looked at like any file of
   the operator's (server/reloading.py). A call for scores under way ends with what it began with: none is dropped.
2. A state that cannot be had changes nothing: a version that is missing, changed, or of another classifier, and one
   without a category that a policy names.
3. Whoever asks `unsay scorer` knows its categories from the start: there a state with others (`fixed`) cannot be had.
4. A shadow decides nothing and costs no pass; what it has seen is written beside the versions, without text.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from filters.category import Category
from filters.scorer import Scorer, ScorerLoadError
from filters.scorers import versions
from filters.scorers.cascade import Cascade
from filters.scorers.heads import Heads
from filters.scorers.shadow import Agreement, Shadow, ShadowObserver
from filters.scorers.state import STATE, read_state
from filters.scorers.teachable import Teachable
from server.errors import StartError
from server.policy.catalog import Catalog, check_categories
from server.reloading import Current, File, Reloaded, ReloadObserver, Result
from server.telemetry import logs

WRITE_SECONDS = 10.0
LOOK_SECONDS = 1.0

log = logs.logger("learned")


class LearnedObserver(ReloadObserver, ShadowObserver, Protocol):
    """Is told of what was learned."""

    def learned(self, current: str, candidate: str) -> None:
        """Set the versions that judge and that are compared; empty for none."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a state asks for, loaded."""

    heads: Heads | None = None
    shadow: Shadow | None = None


class Learned:
    """Keeps a scorer at what a folder says. StartError if the scorer cannot be taught, or the state cannot be had.

    `fixed`: its categories stay those of the start.
    """

    def __init__(
        self,
        folder: Path,
        scorer: Scorer,
        observer: LearnedObserver,
        *,
        fixed: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        classifier = scorer.classifier if isinstance(scorer, Cascade) else scorer
        if not isinstance(classifier, Teachable):
            raise StartError(f"--learned {folder}: only beside detoxify:... something is learned, not {scorer.name}")
        self.catalog: Current[Catalog] | None = None
        self._started = False
        self._folder = folder
        self._fixed = fixed
        self._scorer = scorer
        self._classifier = classifier
        self._observer = observer
        self._clock = clock
        self._due = clock() + WRITE_SECONDS
        self._notes = f"{os.getpid()}-{time.time_ns()}.json"
        self._writing: asyncio.Task[None] | None = None
        self.file = Reloaded("learned", folder / STATE, self._load, observer)
        self.file.then = self._put_in_force
        self._put_in_force(self.file.value)
        self._started = True

    def look(self) -> None:
        """Look whether another state is asked for, and write what the shadow has seen when it is time; never waits."""
        self.file.look()
        if self._clock() >= self._due and (self._writing is None or self._writing.done()):
            self._due = self._clock() + WRITE_SECONDS
            self._writing = asyncio.create_task(asyncio.to_thread(self.write))

    def write(self) -> None:
        """Write what the shadow has seen, if there is one; what cannot be written is logged."""
        shadow = self.file.value.shadow
        if shadow is None:
            return
        try:
            shadow.write(self._folder / "shadow" / shadow.heads.version / self._notes)
        except OSError as error:
            log.warning("what the shadow has seen cannot be written", extra={"reason": type(error).__name__})

    def _load(self, path: Path) -> Plan:
        """Return what the state asks for. StartError if that cannot be had."""
        try:
            state = read_state(path.parent)
            heads = self._version(state.current) if state.current else None
            candidate = self._version(state.candidate) if state.candidate else None
        except ScorerLoadError as error:
            raise StartError(str(error)) from None
        self._check(path, heads.categories if heads else ())
        return Plan(heads, Shadow(candidate, state.share, self._observer) if candidate else None)

    def _check(self, path: Path, learned: Sequence[Category]) -> None:
        """StartError if somebody counts on other categories than there would be."""
        categories = (*self._classifier.own, *learned)
        if self._fixed and self._started and set(categories) != set(self._classifier.categories):
            raise StartError(f"{path}: has other categories than at the start: start the scorer again, and its servers")
        if self.catalog is not None:
            check_categories(self.catalog.value, categories)

    def _version(self, name: str) -> Heads:
        return versions.load(self._folder, name, self._classifier.checksum, self._classifier.own)

    def _put_in_force(self, plan: Plan) -> None:
        self._classifier.teach(plan.heads, plan.shadow)
        if self.catalog is not None:
            self.catalog.value = check_categories(self.catalog.value, self._scorer.categories)
        names = (plan.heads.version if plan.heads else "", plan.shadow.heads.version if plan.shadow else "")
        self._observer.learned(*names)
        log.info("judging", extra={"learned": names[0] or "none", "candidate": names[1] or "none"})


class Unobserved:
    """Ignores everything."""

    def learned(self, current: str, candidate: str) -> None:
        """Do nothing."""

    def compared(self, agreement: Agreement) -> None:
        """Do nothing."""

    def reloaded(self, file: File, result: Result) -> None:
        """Do nothing."""


@asynccontextmanager
async def looked_after(learned: Learned | None) -> AsyncIterator[None]:
    """Look every second, for a process that looks after nothing else."""

    async def rounds() -> None:
        while learned is not None:
            learned.look()
            await asyncio.sleep(LOOK_SECONDS)

    looking = asyncio.create_task(rounds())
    try:
        yield
    finally:
        looking.cancel()


def learned(folder: Path | None, scorer: Scorer, observer: LearnedObserver, *, fixed: bool = False) -> Learned | None:
    """Return what keeps a scorer at what a folder says; None without a folder."""
    return None if folder is None else Learned(folder, scorer, observer, fixed=fixed)
