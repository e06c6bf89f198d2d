"""Which upstream is asked, and how well each is.

1. An upstream is asked once it has been met: it serves the model, reads text into the same tokens, and has drawn one.
   One that is met and found to be another is refused at the start; later it is left alone until it is put right.
2. Health is what requests see, and a look at each every `ROUND_SECONDS`. One that is down is met again before anything
   is asked of it, after a pause that doubles with every failure until an answer of its finishes.
3. A request goes to one upstream as often as it is asked for (its attempts share a prompt, which is cached there), and
   requests spread evenly: the highest hash of request and upstream. Whatever knows prompts better is a router before
   the upstreams.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from vllm.exceptions import RetryableRequestError

from server.engine.upstream.faults import Fault, FleetObserver, Outcome
from server.engine.upstream.link import Link
from server.errors import StartError
from server.generation.draft import Draft
from server.telemetry import logs

ROUND_SECONDS = 1.0
MOST_ROUNDS = 32
"""The longest pause before one that is down is met again."""

log = logs.logger("upstream")


class NoUpstream(RetryableRequestError):  # type: ignore[misc]
    """No upstream can answer, or go on with an answer: the same request may succeed later."""

    def __init__(self) -> None:
        super().__init__("no upstream can answer now; try again later")


@dataclass(slots=True)
class _Standing:
    """`failures` since the last answer that finished; `pause` in rounds until it is met again."""

    up: bool = False
    failures: int = 0
    pause: int = 0


class Fleet:
    """Several upstreams. `meet` finds out whether one is what it should be (rule 1)."""

    def __init__(self, links: Sequence[Link], meet: Callable[[Link], Awaitable[None]], observer: FleetObserver) -> None:
        self._standings = {link: _Standing() for link in links}
        self._meet = meet
        self._observer = observer
        self._tending: list[asyncio.Task[None]] = []

    @property
    def all(self) -> list[Link]:
        """Those that there are."""
        return list(self._standings)

    @property
    def up(self) -> list[Link]:
        """Those that are asked."""
        return [link for link, standing in self._standings.items() if standing.up]

    async def begin(self) -> None:
        """Meet all, and look after them from now on. StartError if one is none of those that are wanted.

        Those that do not answer may come later.
        """
        met = await asyncio.gather(*(self._found(link) for link in self._standings))
        for link, fault in zip(self._standings, met, strict=True):
            if fault is not None and fault.trouble in ("wrong", "refused"):
                raise StartError(f"--upstream {link.url}: {fault}")
        self._tending = [asyncio.create_task(self._tend(link)) for link in self._standings]

    async def aclose(self) -> None:
        """Look after them no more."""
        for task in self._tending:
            task.cancel()
        await asyncio.gather(*self._tending, return_exceptions=True)

    def choose(self, request: str, tried: Collection[Link]) -> Link:
        """Return the upstream for a request, of those that it has not tried. NoUpstream if there is none."""
        left = [link for link in self.up if link not in tried]
        if not left:
            raise NoUpstream
        return max(left, key=lambda link: hashlib.blake2b(f"{request} {link.url}".encode(), digest_size=8).digest())

    async def heeding(self, link: Link, drafts: AsyncGenerator[Draft, None]) -> AsyncGenerator[Draft, None]:
        """Yield the drafts of an answer, and note what becomes of it."""
        outcome: Outcome = "left"
        try:
            async with aclosing(drafts):
                async for draft in drafts:
                    if draft.finish_reason is not None:
                        outcome = "finished"
                        self._standings[link].failures = 0
                    yield draft
        except Fault as fault:
            outcome = fault.trouble
            self._heed(link, fault)
            raise
        finally:
            self._observer.upstream_asked(link.url, outcome)

    async def _tend(self, link: Link) -> None:
        while True:
            await asyncio.sleep(ROUND_SECONDS)
            await self.look(link)

    async def look(self, link: Link) -> None:
        """Ask one that is up whether it is well, and meet one that is down and whose pause is over."""
        standing = self._standings[link]
        if standing.up:
            try:
                await link.check_health()
            except Fault as fault:
                self._down(link, fault)
        elif standing.pause > 0:
            standing.pause -= 1
        else:
            await self._found(link)

    async def _found(self, link: Link) -> Fault | None:
        """Meet one that is down; return what keeps it there, if anything does."""
        try:
            await self._meet(link)
        except Fault as fault:
            self._down(link, fault)
            return fault
        self._standings[link].up = True
        self._observer.upstream_up(link.url, True)
        log.info("up", extra={"upstream": link.url})
        return None

    def _heed(self, link: Link, fault: Fault) -> None:
        """Note what a request has seen. One that is busy, or slow with this answer alone, is asked on."""
        if fault.trouble == "wrong" or (fault.trouble == "lost" and (not fault.slow or link.silent())):
            self._down(link, fault)
        else:
            log.info("gave no answer", extra={"upstream": link.url, "reason": str(fault)})

    def _down(self, link: Link, fault: Fault) -> None:
        standing = self._standings[link]
        if standing.up or not standing.failures:
            log.warning("down", extra={"upstream": link.url, "reason": str(fault)})
        standing.up = False
        standing.pause = min(MOST_ROUNDS, 2**standing.failures) - 1
        standing.failures = min(standing.failures + 1, MOST_ROUNDS)
        self._observer.upstream_up(link.url, False)
