"""The prompt of one call of `generate`, judged where the policy asks for it (`on_prompt`).

1. It is judged once for all choices, in pieces of about the length of the guard's windows, and these in their parts
   too; the highest score counts. Of a long prompt the last part is judged, which is the latest turn.
2. `score`: in parallel with the drafting, which never waits for it. A verdict that comes after a choice has ended is
   counted, but no longer reported, unless the request asked for it: the end of a choice then waits for it.
3. `refuse`: before anything is drafted. A flagged prompt ends every choice as the guard ends one that it refuses. So
   does one that is not read, unless the policy lets that pass.
4. A client that leaves before the end ends the judging too.
5. The windows of running answers go before it at the scorer.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace

from filters.highest import highest
from filters.judge import TOLD_BY
from filters.portions import MOST_CHARACTERS, pieces_and_parts, portions
from filters.scorer import ScorerUnavailable, Scores
from server.errors import ScorerDown
from server.generation.guarded import Guarded
from server.generation.observer import NO_CATEGORY, Judgement, Result
from server.generation.outlet import Piece, withheld
from server.generation.pairs import Pair
from server.generation.report import PromptFinding, Report
from server.generation.services import Services
from server.generation.tasks import Tasks
from server.generation.telling import ChoiceRecord
from server.policy.policy import OnPrompt, Policy
from server.policy.standard import standard

CALLED: Mapping[bool | None, Judgement] = {True: "flagged", False: "cleared", None: "failed"}
"""What `PromptFinding.flagged` is called in the metrics."""

HEARD_AT_ONCE = 4
"""Texts whose languages are told on the event loop: a millisecond. More of them in a thread."""

log = logging.getLogger("unsay.guard")


def on_prompt(policy: Policy) -> OnPrompt:
    """Return what a policy does about a prompt under its mode: `monitor` refuses nothing, `off` scores nothing."""
    if policy.mode == "off":
        return "ignore"
    return "score" if policy.mode == "monitor" and policy.on_prompt == "refuse" else policy.on_prompt


def last_part(token_ids: Sequence[int], decode: Callable[[list[int]], str]) -> str:
    """Return the text of a prompt, of a long one the last MOST_CHARACTERS tokens and characters."""
    return decode(list(token_ids[-MOST_CHARACTERS:]))[-MOST_CHARACTERS:]


class Prompt:
    """What is known of the prompt so far: `finding`. Belongs to the event loop that it is first asked in."""

    def __init__(self, text: str, policy: Policy, services: Services) -> None:
        self._text = text
        self._policy = policy
        self._services = services
        self._standard = standard(policy)
        self._thresholds = self._standard.thresholds
        self._refuses = on_prompt(policy) == "refuse"
        self._task: asyncio.Task[None] | None = None
        self._failure: str | None = None
        self.finding = PromptFinding()

    async def refused(self) -> bool:
        """Begin to judge; wait for the verdict only if it decides. ScorerDown if there is none, unless open."""
        if self._task is None:
            self._task = asyncio.create_task(self._judge())
        if not self._refuses:
            return False
        await asyncio.wait([self._task])  # a choice that is cancelled here leaves it to the others
        self._task.result()
        if self._failure is not None and self._policy.on_scorer_failure == "closed":
            raise ScorerDown(self._failure)
        return bool(self.finding.flagged)

    @property
    def cause(self) -> dict[str, float]:
        """The scores by the categories that the prompt is flagged for."""
        scores = self.finding.scores
        return {category: scores[category] for category in self._thresholds.exceeded(scores)}

    async def settled(self) -> None:
        """Wait for the verdict, or for there being none: the scorer's deadline bounds it. It has been asked."""
        if self._task is not None:
            await asyncio.wait([self._task])
            self._task.result()

    def abandon(self) -> None:
        """Stop judging: nobody waits for the verdict any more."""
        if self._task is not None:
            self._task.cancel()

    async def _judge(self) -> None:
        """Note a failed scorer; a prompt that is flagged already stays so."""
        since = self._services.now()
        scores: Scores = {}
        texts = pieces_and_parts(self._text)
        try:
            short = len(texts) <= HEARD_AT_ONCE
            self.finding = self._heard(texts) if short else await asyncio.to_thread(self._heard, texts)
            judge = self._services.judge.about("prompts")
            for portion in portions(texts):
                scores = highest([scores, *await judge.scores(portion, self._thresholds.values)])
                if self._thresholds.exceeded(scores):
                    self.finding = replace(self.finding, flagged=True, scores=scores)
        except ScorerUnavailable as error:
            self._unjudged(error.reason)
        else:
            self.finding = replace(self.finding, flagged=bool(self.finding.flagged), scores=scores)
        self._tell(self._services.now() - since)

    def _heard(self, texts: Sequence[str]) -> PromptFinding:
        """Tell the language, and set what the prompt is held against. It is flagged already if it must be read."""
        judge = self._services.judge
        heard, found = judge.hear(texts, self._standard), judge.language(self._text[-TOLD_BY:])
        self._thresholds = heard.thresholds
        return PromptFinding(
            flagged=True if heard.unread else None,
            language=found.language,
            unread=heard.unread or found.unread(judge.languages),
        )

    def _unjudged(self, reason: str) -> None:
        if self.finding.flagged is None:
            self._failure = reason
            log.warning("no verdict from the scorer on a prompt", extra={"reason": reason})

    def _tell(self, seconds: float) -> None:
        exceeded = self._thresholds.exceeded(self.finding.scores)
        category = exceeded[0] if exceeded else NO_CATEGORY
        verdict = CALLED[self.finding.flagged]
        self._services.observer.prompt_judged(verdict, category, self._policy.name, self._services.model)
        self._services.observer.verdict_took("input", self._result, seconds)

    @property
    def _result(self) -> Result:
        """What the verdict, or that there is none, does to the request."""
        match self.finding.flagged:
            case False:
                return "allowed"
            case True:
                return "blocked" if self._refuses else "would_block"
            case None:
                return "failed" if self._refuses and self._policy.on_scorer_failure == "closed" else "bypassed"


class Prompted:
    """One choice under guard, and the prompt that it shares with the others: pieces and a report, as the guard's.

    `waits`: the choice does not end before there is a verdict on the prompt.
    """

    def __init__(self, guarded: Guarded, prompt: Prompt, *, waits: bool = False) -> None:
        self._guarded = guarded
        self._prompt = prompt
        self._waits = waits
        self._refused = False

    @property
    def report(self) -> Report:
        """The guard's report with what is known of the prompt by now."""
        report = replace(self._guarded.report, prompt=self._prompt.finding)
        return report.refused(self._prompt.cause) if self._refused else report

    def record(self) -> ChoiceRecord:
        """Return the guard's, with what is known of the prompt by now."""
        return replace(self._guarded.record(), report=self.report)

    @property
    def pairs(self) -> list[Pair]:
        """The guard's pairs; a prompt that was refused has none."""
        return self._guarded.pairs

    @property
    def tasks(self) -> Tasks:
        """The guard's."""
        return self._guarded.tasks

    async def pieces(self) -> AsyncGenerator[Piece, None]:
        """Yield the guard's pieces, or the one that says there are none. Raises as those do, for the prompt too."""
        ended = False
        try:
            self._refused = await self._prompt.refused()
            if self._refused:
                yield withheld()
            else:
                async with aclosing(self._guarded.pieces()) as said:
                    async for piece in said:
                        if self._waits and piece.finish_reason is not None:
                            await self._prompt.settled()
                        yield piece
            ended = True
        finally:
            if not ended:
                self._prompt.abandon()
