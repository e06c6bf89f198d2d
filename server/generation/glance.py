"""The first look at what is drafted: by the model's own probe, before any scorer is asked.

1. It only clears, and only what it was calibrated for: plain text in the middle of an answer, under thresholds for
   categories that it knows. The window that shows an answer as a whole, text that begins within a word of the prompt,
   that can be read in another way or may be disguised, and whatever depends on a language, are the scorer's.
2. It clears with upper bounds of the scores, all below the thresholds, never with an estimate.
3. Where anything in a window was not seen, it says nothing. Nor does it where something was learned beside the
   classifier that it was calibrated to, or is compared there (docs/learning.md).
4. An alarm, by the probe's forecast, asks for a verdict sooner, and decides nothing. It needs some fresh tokens, or a
   false one would be followed by a window for each token. Fixed windows know none: where they end, the text alone says.
"""

from filters.normalize.readings import readings
from filters.passage import Passage
from filters.scorer import Scores, is_below
from filters.scorers.grams import is_plain
from filters.standard import Standard
from filters.verdict import Cleared
from server.generation.services import Services
from server.generation.transcript import Transcript, seen_of
from server.guard.events import TokenSpan
from server.guard.state import GuardState
from server.policy.policy import Policy
from server.policy.standard import standard


class Glance:
    """Glances at the windows of one choice. Without a probe, or where the policy wants none, it sees nothing."""

    def __init__(self, services: Services, transcript: Transcript, policy: Policy) -> None:
        self._transcript = transcript
        self._context = policy.context
        self._fresh = policy.first_stride
        self._standard: Standard = standard(policy)
        self._observer = services.observer
        self._judge = services.judge
        probe = services.probe
        self._clearing = probe if policy.probe_clears and not self._standard.minds else None
        self._alarming = probe if policy.probe_alarms and policy.mode == "enforce" else None

    def verdict(self, window: TokenSpan, passage: Passage, *, closes: bool) -> Cleared | None:
        """Return that a window is clear, if that is beyond doubt; `closes`: it shows the answer as a whole."""
        if self._clearing is None:
            return None
        is_the_scorers = closes or not _is_ordinary(passage) or self._judge.must_read(passage.text)
        bounds = None if is_the_scorers else self._bounds(window)
        is_clear = bounds is not None and is_below(bounds, self._standard.thresholds.values)
        self._observer.glanced("cleared" if is_clear else "judged")
        return Cleared(bounds) if bounds is not None and is_clear else None

    def _bounds(self, window: TokenSpan) -> Scores | None:
        seen = seen_of(self._transcript, window)
        return None if seen is None or self._clearing is None else self._clearing.bounds(seen)

    def alarms(self, state: GuardState) -> bool:
        """Return whether the sentence that is being drafted is likely to end flagged."""
        known = len(self._transcript.tokens) - 1
        if self._alarming is None or state.fixed_windows or known - state.submitted < self._fresh:
            return False
        seen = seen_of(self._transcript, TokenSpan(max(state.conceded, state.submitted - self._context), known))
        found = seen is not None and self._alarming.alarms(seen)
        if found and state.alarmed <= state.submitted:
            self._observer.glanced("alarmed")
        return found


def _is_ordinary(passage: Passage) -> bool:
    return not (passage.also_read or passage.lead) and is_plain(passage.text) and len(readings(passage.text)) == 1
