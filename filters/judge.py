"""From a passage to a verdict."""

import asyncio
from collections.abc import Hashable, Sequence
from dataclasses import replace

from filters.batcher import Batcher
from filters.call import ANYBODY, Caller, Urgency
from filters.highest import highest
from filters.languages import Finder, Found, find
from filters.localize import onset
from filters.parts import parts
from filters.passage import Passage
from filters.reading import scores_as_read
from filters.scorer import EXACT, ScorerUnavailable, Scores, ThresholdValues, languages_of
from filters.span import TextSpan
from filters.standard import Heard, Standard
from filters.thresholds import Thresholds
from filters.verdict import Cleared, Flagged, Verdict

TOLD_BY = 1_000
"""Characters of a text that tell its language where that is only to be said."""
WORSE = 0.05
"""How much higher than its beginning a word has to score for its end to be at fault."""


class Judge:
    """Judges passages with one scorer, for one `caller`. Keeps nothing of them. `find` tells languages apart."""

    def __init__(self, batcher: Batcher, caller: Caller = ANYBODY, find: Finder = find) -> None:
        self._batcher = batcher
        self._caller = caller
        self._find = find
        self._probe: asyncio.Task[bool] | None = None

    def available(self) -> bool:
        """Return whether a verdict can be expected now. While not, asking starts a probe unless one is under way."""
        if self._batcher.ready:
            return True
        if self._probe is None or self._probe.done():
            self._probe = asyncio.create_task(self._batcher.probe())
        return False

    def of(self, client: Hashable) -> "Judge":
        """Return a judge with the same scorer that scores in this client's turns."""
        return Judge(self._batcher, replace(self._caller, client=client), self._find)

    def about(self, urgency: Urgency) -> "Judge":
        """Return a judge with the same scorer for texts of another urgency."""
        return Judge(self._batcher, replace(self._caller, urgency=urgency), self._find)

    @property
    def backlog_seconds(self) -> float:
        """How much work the windows of all answers have waiting for the scorer."""
        return self._batcher.backlog_seconds

    @property
    def scorer_name(self) -> str:
        """The name of the scorer that judges."""
        return self._batcher.scorer.name

    @property
    def languages(self) -> frozenset[str] | None:
        """ISO 639-1 codes of what the scorer reads; None for all."""
        return languages_of(self._batcher.scorer)

    def language(self, text: str) -> Found:
        """Tell what a text may be written in, by its first `TOLD_BY` characters."""
        return self._find(text[:TOLD_BY])

    def hear(self, texts: Sequence[str], standard: Standard) -> Heard:
        """Return what these texts are held against, by what they may be written in. Takes 0.2 ms a text if that counts.

        Pure: many texts are better heard in a thread.
        """
        if not standard.minds:
            return Heard(standard.thresholds)
        return standard.heard([self._find(text) for text in dict.fromkeys(texts)], self.languages)

    async def judge(self, passage: Passage, standard: Standard) -> Verdict:
        """Return flagged from the onset to the end of the passage, or Cleared. ScorerUnavailable if there is no score.

        Sentences that are not over before the fresh text are judged by themselves too. A lead that is as bad on its own
        says nothing about what follows, which is then judged without it. What only another reading shows has no place
        in the text: all of the fresh text goes. White space alone is cleared without a scorer, with zeros.
        Thresholds are the lowest of all languages that the passage, its fresh text or a sentence of it may be in.
        """
        places = [TextSpan(0, len(passage.text)), *parts(passage.text, passage.fresh)]
        texts = [passage.text[place.start : place.end] for place in places]
        heard = self.hear([*texts, passage.text[passage.fresh :]], standard)
        thresholds = heard.thresholds
        found = await self.scores([*texts, *passage.also_read], thresholds.values)
        scores = highest(found)
        exceeded = thresholds.exceeded(scores)
        if not exceeded:
            return Cleared(scores, heard.unread)
        if passage.lead and await self._as_bad_alone(passage, scores, thresholds):
            return _after_lead(passage.lead, await self.judge(passage.without_lead(), standard))
        shown = [place for place, own in zip(places, found, strict=False) if thresholds.exceeded(own)]
        start = await self._onset(passage, shown[0], thresholds) if shown else passage.fresh
        return Flagged(TextSpan(start, len(passage.text)), scores, exceeded, heard.unread)

    async def scores(self, texts: Sequence[str], thresholds: ThresholdValues = EXACT) -> list[Scores]:
        """Return the scores of each text as it is read, same order. White space alone scores 0 without a scorer.

        `thresholds` are what they will be compared with: scores below them may be upper bounds.
        ScorerUnavailable if there is no score.
        """
        stripped = [text.strip() for text in texts]
        scored = iter(
            await scores_as_read(self._batcher, [text for text in stripped if text], thresholds, self._caller)
        )
        nothing = dict.fromkeys(self._batcher.scorer.categories, 0.0)
        return [next(scored) if text else nothing for text in stripped]

    async def _as_bad_alone(self, passage: Passage, scores: Scores, thresholds: Thresholds) -> bool:
        """Return whether a lead is flagged without what follows, and hardly less than with it."""
        (alone,) = await self.scores([passage.text[: passage.lead]])
        return bool(thresholds.exceeded(alone)) and thresholds.excess(scores) <= thresholds.excess(alone) + WORSE

    async def _onset(self, passage: Passage, place: TextSpan, thresholds: Thresholds) -> int:
        """Return where a passage turns that is flagged in this place of it: never before its fresh text."""
        try:
            return place.start + await onset(passage.within(place), self._batcher, thresholds, self._caller)
        except ScorerUnavailable:
            return passage.fresh  # it is flagged all the same: without a place in it, all of the fresh text goes


def _after_lead(lead: int, verdict: Verdict) -> Verdict:
    """Return the verdict on what follows a lead, told in places of the whole passage."""
    if isinstance(verdict, Cleared):
        return verdict
    return replace(verdict, span=TextSpan(verdict.span.start + lead, verdict.span.end + lead))
