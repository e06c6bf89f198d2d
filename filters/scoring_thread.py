"""Forward passes in a thread: everything of the batcher that is not asyncio.

The rules:
1. What a scorer returns is checked here, once: as many scores as texts, each a number in 0..1.
2. A pass over the texts of several callers that fails is run again for each caller alone, once: one poisonous text
   fails its own caller only. Not so if the scorer itself says that it was late or overloaded: that is no text's fault.
3. Whatever a scorer raises ends up as a value in the outcome; the thread lives on.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from filters.scorer import EXACT, Bounding, Scorer, ScorerUnavailable, Scores, ThresholdValues, is_valid

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a pass came to: for each caller's texts their scores or the error; `seconds` for all of it."""

    results: list[list[Scores] | ScorerUnavailable]
    seconds: float


def score_checked(scorer: Scorer, texts: Sequence[str], thresholds: Sequence[ThresholdValues] = ()) -> list[Scores]:
    """The scores of the texts, in order. ScorerUnavailable("error") if the scorer raises or returns nonsense.

    A ScorerUnavailable that it raises keeps its reason, and has been logged by the scorer.
    With `thresholds` for each text, upper bounds below it will do, if the scorer has such (`Bounding`).
    """
    try:
        if any(thresholds) and isinstance(scorer, Bounding):
            scores = list(scorer.bounds(texts, thresholds))
        else:
            scores = list(scorer.score(texts))
        sound = len(scores) == len(texts) and all(is_valid(one) for one in scores)
    except ScorerUnavailable:
        raise
    except Exception as error:
        # Only the type is logged by default: the message may quote the text.
        _log.warning("scorer %s failed: %s", scorer.name, type(error).__name__)
        _log.debug("scorer %s failed", scorer.name, exc_info=error)
        raise ScorerUnavailable("error") from error
    if not sound:
        _log.warning("scorer %s returned a wrong number of scores, or some outside 0..1", scorer.name)
        raise ScorerUnavailable("error")
    return scores


def score_groups(
    scorer: Scorer, groups: Sequence[Sequence[str]], thresholds: Sequence[ThresholdValues] = ()
) -> list[list[Scores] | ScorerUnavailable]:
    """Scores the texts of several callers in one pass, and alone if that fails; one result for each group, in order.

    `thresholds` has an entry for each group (an empty one for exact scores), or none at all.
    """
    thresholds = thresholds or [EXACT] * len(groups)
    each = [value for value, group in zip(thresholds, groups, strict=True) for _ in group]
    try:
        scores = iter(score_checked(scorer, [text for group in groups for text in group], each))
    except ScorerUnavailable as error:
        if len(groups) == 1 or error.reason != "error":
            return [error] * len(groups)
        return [_alone(scorer, *pair) for pair in zip(groups, thresholds, strict=True)]
    return [[next(scores) for _ in group] for group in groups]


def _alone(scorer: Scorer, group: Sequence[str], thresholds: ThresholdValues) -> list[Scores] | ScorerUnavailable:
    try:
        return score_checked(scorer, group, [thresholds] * len(group))
    except ScorerUnavailable as error:
        return error


class ScoringThread:
    """One daemon thread that runs one pass at a time and hands each outcome to `deliver`, in that same thread.

    A daemon, so that a scorer that hangs for ever cannot keep the process from ending.
    """

    def __init__(self, scorer: Scorer, deliver: Callable[[Outcome | None], None]) -> None:
        self._scorer = scorer
        self._deliver = deliver
        self._inbox: queue.SimpleQueue[tuple[Sequence[Sequence[str]], Sequence[ThresholdValues]] | None] = (
            queue.SimpleQueue()
        )
        self._thread = threading.Thread(target=self._run, name="unsay-scorer", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def submit(self, groups: Sequence[Sequence[str]], thresholds: Sequence[ThresholdValues] = ()) -> None:
        """Queues a pass over the texts of several callers (`thresholds` as for `score_groups`). Never blocks."""
        self._inbox.put((groups, thresholds))

    def stop(self) -> None:
        """Asks the thread to end after the pass it is in; it then delivers None. Never blocks."""
        self._inbox.put(None)

    def _run(self) -> None:
        while (asked := self._inbox.get()) is not None:
            begun = time.perf_counter()
            results = score_groups(self._scorer, *asked)
            self._deliver(Outcome(results, time.perf_counter() - begun))
        self._deliver(None)
