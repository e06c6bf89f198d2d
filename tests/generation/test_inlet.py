"""What the guard of a choice hears of drafts and verdicts, and when; the whole of it is in test_guarded.py."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from filters.passage import Passage
from filters.scorer import ScorerUnavailable
from filters.span import TextSpan
from filters.thresholds import Thresholds
from filters.verdict import Cleared as ClearedText
from filters.verdict import Flagged as FlaggedText
from filters.verdict import Verdict
from server.engine.drafting.scripted import Vocabulary, WordDetokenizer
from server.errors import ScorerDown
from server.generation.account import Account
from server.generation.draft import Attempt, Draft
from server.generation.inlet import Following, Judging
from server.generation.retrying import Retrying
from server.generation.services import Services
from server.generation.tasks import Tasks
from server.generation.transcript import Transcript
from server.guard.commands import Rewind, Score
from server.guard.events import Cleared, Drafted, Ended, Event, Flagged, Places, ScorerFailed, TokenSpan
from server.guard.state import GuardState
from server.policy.policy import Policy
from tests.generation.stage import Recorder, policy

VOCABULARY = Vocabulary(longest=16)
TEXT = "It rained. You idiot said the fox."


class Drafts:
    """An engine that drafts what it is given, a draft at a turn, and knows how many of its drafts are open."""

    approximate = False

    def __init__(self, *drafts: Draft) -> None:
        self.drafts, self.open = drafts, 0

    async def draft(self, attempt: Attempt) -> AsyncGenerator[Draft, None]:
        self.open += 1
        try:
            for draft in self.drafts:
                yield draft
                await asyncio.sleep(0)
        finally:
            self.open -= 1

    async def aclose(self) -> None: ...


class Answers:
    """A judge that has one answer."""

    scorer_name = "fixed"

    def __init__(self, answer: Verdict | ScorerUnavailable) -> None:
        self.answer = answer
        self.read: list[str] = []

    async def judge(self, passage: Passage, thresholds: Thresholds) -> Verdict:
        self.read.append(passage.text)
        if isinstance(self.answer, ScorerUnavailable):
            raise self.answer
        return self.answer


class Inlet:
    """Following and judging of one choice; `heard` is what its guard is told, which stands where the test says."""

    def __init__(
        self, engine: Any = None, judge: Any = None, own: Policy | None = None, retriable: bool = True
    ) -> None:
        own = own or policy()
        self.engine, self.state = engine or Drafts(), GuardState()
        self.heard: list[Event] = []
        self.scores: list[Any] = []
        self.errors: list[Exception] = []
        self.observer = Recorder()
        self.transcript = Transcript(lambda: WordDetokenizer(VOCABULARY))
        account, tasks = Account(self.observer, own, "model"), Tasks(self.errors.append)
        self.tasks = tasks
        retrying = Retrying(self.engine, self.transcript, own, judge, greedy=True)
        shared: dict[str, Any] = {"state": lambda: self.state}
        self.following = Following(
            self.transcript,
            own,
            account,
            retrying,
            tasks,
            room=self.room,
            advance=self.heard.append,
            alarms=lambda: False,
            **shared,
        )
        self.judging = Judging(
            Services(judge, self.observer, "model", VOCABULARY.encode),
            self.transcript,
            own,
            account,
            tasks,
            retriable=lambda: retriable,
            feed=self.heard.append,
            flagged=self.flagged,
            **shared,
        )

    async def room(self) -> None: ...

    def flagged(self, event: Flagged, scores: Any) -> None:
        self.heard.append(event)
        self.scores.append(scores)

    async def idle(self) -> None:
        async with asyncio.timeout(5):
            while self.tasks._running:  # noqa: ASYNC110  the tasks tell nobody when they are through
                await asyncio.sleep(0)


def _drafts(text: str, reason: str | None = "stop") -> list[Draft]:
    drafts = [Draft([token]) for token in VOCABULARY.encode(text)]
    return [*drafts, Draft((), finish_reason=reason)] if reason else drafts


async def test_the_guard_hears_of_tokens_once_something_can_come_of_them_and_of_all_before_the_end() -> None:
    inlet = Inlet(Drafts(*_drafts("one two six")), own=policy(first_stride=2, stride=9, max_stride=9))
    inlet.following.begin()
    await inlet.idle()
    assert not inlet.errors and inlet.engine.open == 0
    told = [event.drafted for event in inlet.heard if isinstance(event, Drafted)]
    assert told[0] == 2, "one token alone is too few to judge"
    assert inlet.heard[-1] == Ended(0, "stop") and len(inlet.transcript.tokens) == 3


def test_any_other_news_comes_after_all_that_was_drafted() -> None:
    inlet = Inlet()
    inlet.transcript.append(Draft(VOCABULARY.encode("one two")))
    inlet.following.feed(Cleared(0, TokenSpan(0, 1)))
    assert inlet.heard == [Drafted(0, 2, 0), Cleared(0, TokenSpan(0, 1))]
    inlet.state = GuardState(drafted=2)
    inlet.following.feed(Cleared(0, TokenSpan(0, 2)))
    assert inlet.heard[2:] == [Cleared(0, TokenSpan(0, 2))]


async def test_the_next_attempt_ends_the_one_before() -> None:
    inlet = Inlet(Drafts(*_drafts(TEXT * 9)))
    inlet.following.begin()
    for _ in range(5):
        await asyncio.sleep(0)
    inlet.state = GuardState(attempt=1)
    inlet.following.cut(0)
    inlet.following.begin(Rewind(1, 0, 1, "ban"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert inlet.engine.open == 1
    await inlet.tasks.stop()
    assert inlet.engine.open == 0 and not inlet.errors


def test_a_cut_counts_what_it_takes() -> None:
    inlet = Inlet()
    inlet.transcript.append(Draft(VOCABULARY.encode("one two six")))
    inlet.following.cut(1)
    assert inlet.transcript.text == "one" and inlet.observer.counts == {"discarded": 2}


async def test_an_engine_that_gives_no_reason_for_its_end_fails_the_choice() -> None:
    inlet = Inlet(Drafts(*_drafts("one two", reason=None)))
    inlet.following.begin()
    await inlet.idle()
    (error,) = inlet.errors
    assert "without a finish reason" in str(error)


async def _judged(
    answer: Verdict | ScorerUnavailable, own: Policy | None = None, *, gone: bool = False, **more: Any
) -> Inlet:
    """What is heard of a window over TEXT."""
    inlet = Inlet(judge=Answers(answer), own=own, **more)
    inlet.transcript.append(Draft(VOCABULARY.encode(TEXT)))
    inlet.judging.begin(Score(0, _WINDOW))
    inlet.state = GuardState(attempt=int(gone))
    await inlet.idle()
    return inlet


_WINDOW = TokenSpan(0, len(VOCABULARY.encode(TEXT)))
_FLAGGED = FlaggedText(TextSpan(TEXT.index(" idiot"), len(TEXT)), {"insult": 0.9}, ("insult",))


async def test_a_cleared_window_is_told() -> None:
    assert (await _judged(ClearedText({"insult": 0.1}))).heard == [Cleared(0, _WINDOW)]


async def test_a_flag_is_told_with_its_places_in_tokens_and_its_scores() -> None:
    inlet = await _judged(_FLAGGED)
    (event,) = inlet.heard
    assert isinstance(event, Flagged)
    assert inlet.transcript.text[inlet.transcript.start_of(event.onset) :].startswith(" idiot")
    sentence = inlet.transcript.start_of(event.places.sentence)
    assert inlet.transcript.text[sentence:].startswith(" You") and event.places != Places()
    assert inlet.scores == [{"insult": 0.9}] and not event.spent


async def test_a_flag_on_a_text_that_is_gone_is_counted_and_not_told() -> None:
    inlet = await _judged(_FLAGGED, gone=True)
    assert inlet.heard == [] and inlet.observer.verdicts == {"flagged": 1}


@pytest.mark.parametrize(
    ("retriable", "failure", "told"), [(True, "closed", 1), (False, "closed", 0), (True, "open", 0)]
)
async def test_what_gets_no_verdict_ends_a_choice_that_may_be_tried_again_if_its_policy_is_closed(
    retriable: bool, failure: str, told: int, caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger("unsay").propagate = True
    with caplog.at_level("WARNING", "unsay.guard"):
        inlet = await _judged(ScorerUnavailable("deadline"), policy(on_scorer_failure=failure), retriable=retriable)
    assert inlet.heard == [ScorerFailed(0, _WINDOW)] and inlet.observer.verdicts == {"failed": 1}
    assert [type(error) for error in inlet.errors] == [ScorerDown] * told
    (record,) = caplog.records
    assert record.__dict__["reason"] == "deadline"
    assert ("held back" in record.getMessage()) == (failure == "closed")
