"""What each rung of the ladder changes, told by the attempts that an engine is asked for."""

from collections.abc import Iterable
from typing import Any

import pytest

from server.engine.drafting.scripted import ScriptedEngine, Vocabulary, WordDetokenizer, Wordings
from server.generation.draft import Attempt, Draft
from server.generation.retrying import Retrying
from server.generation.transcript import Transcript
from server.guard.commands import Rewind
from server.guard.state import GuardState
from tests.generation.stage import policy, staged, text_of

RUDE = "It rained. Then, well, you big idiot said the fox."
RUDER = "It rained. Then, well, you big moron said the fox."
POLITE = "It rained. Then, well, you big friend said the fox."
VOCABULARY = Vocabulary(longest=16)


async def _attempts(
    ladder: tuple[str, ...], *texts: str, greedy: bool = True, **options: Any
) -> tuple[str, list[Attempt]]:
    """The text that came out, and every attempt after the first."""
    own = policy(ladder=ladder, parallel_candidates=3)
    async with staged(*texts, policy=own, whole=True, greedy=greedy, vocabulary=VOCABULARY, **options) as stage:
        pieces = await stage.play()
        return text_of(pieces), stage.engine.attempts[1:]


def _written(tokens: Iterable[int]) -> str:
    return b"".join(map(VOCABULARY.content, tokens)).decode()


async def test_a_ban_bars_the_word_and_keeps_what_stands_before_it() -> None:
    text, (attempt,) = await _attempts(("ban",), RUDE, POLITE)
    assert text == POLITE
    assert _written(attempt.kept) == "It rained. Then, well, you big"
    assert _written(attempt.banned) == " idiot"


async def test_where_chance_draws_a_resample_bars_nothing_and_the_next_rung_does() -> None:
    text, (first, second) = await _attempts(("resample", "ban"), RUDE, POLITE, greedy=False)
    assert text == POLITE
    assert (first.banned, first.retry, second.retry) == (frozenset(), 1, 2)
    assert _written(second.banned) == " idiot"


async def test_without_chance_a_resample_bars_the_word_too() -> None:
    text, (attempt,) = await _attempts(("resample",), RUDE, POLITE)
    assert text == POLITE
    assert attempt.banned


@pytest.mark.parametrize(
    ("rung", "kept"),
    [("clause", "It rained. Then, well,"), ("sentence", "It rained."), ("previous_sentence", "")],
)
async def test_the_deeper_rungs_go_back_to_where_clause_and_sentence_begin(rung: str, kept: str) -> None:
    _, (attempt,) = await _attempts((rung,), RUDE, "Sun.", max_tokens=14)
    assert _written(attempt.kept) == kept


async def test_candidates_are_drafted_at_once_where_chance_draws() -> None:
    text, attempts = await _attempts(("candidates",), RUDE, POLITE, greedy=False)
    assert text == POLITE
    assert [attempt.candidate for attempt in attempts] == [0, 1, 2]
    assert len({(attempt.number, attempt.kept, attempt.banned) for attempt in attempts}) == 1


async def test_without_chance_there_is_one_candidate() -> None:
    _, attempts = await _attempts(("candidates",), RUDE, POLITE)
    assert [attempt.candidate for attempt in attempts] == [0]


async def test_the_tokens_of_lost_candidates_are_counted_as_discarded() -> None:
    own = policy(ladder=("candidates",), parallel_candidates=3)
    async with staged(RUDE, POLITE, policy=own, whole=True, greedy=False) as stage:
        released = sum(len(piece.tokens) for piece in await stage.play())
        drafted = stage.engine.drafted
        assert stage.guarded.report.tokens_discarded == drafted - released
        assert stage.observer.counts["discarded"] == drafted - released


async def test_the_models_own_probe_turns_after_a_flag_and_only_then() -> None:
    text, attempts = await _attempts(("ban", "self"), RUDE, RUDER, POLITE)
    banned, turned = attempts
    assert text == POLITE
    assert banned.turned_for == 0 and turned.turned_for == 32
    assert {_written([token]) for token in turned.banned} == {" idiot", " moron"}


async def test_steering_avoids_the_words_at_which_the_text_turned_and_only_then() -> None:
    _, attempts = await _attempts(("ban", "steer"), RUDE, RUDER, POLITE)
    banned, steered = attempts
    assert banned.avoided == frozenset()
    assert {_written([token]) for token in steered.avoided} == {" idiot", " moron"}
    assert steered.avoided_for > 0


SHORT = Vocabulary(longest=3)


class Place:
    """A transcript that is rewound by hand, and what may not be drawn where it ends."""

    def __init__(self, text: str) -> None:
        self.transcript = Transcript(lambda: WordDetokenizer(SHORT))
        self.transcript.append(Draft(SHORT.encode(text)))
        engine: Any = ScriptedEngine(Wordings(SHORT.encode(text)))
        self.retrying = Retrying(engine, self.transcript, policy(), engine, greedy=True)

    def rewind(self, to: int) -> None:
        """Bar the token at `to`, and cut there."""
        self.retrying.rewound(Rewind(1, to, 1, "ban"))
        self.cut(to)

    def cut(self, to: int) -> None:
        self.transcript.cut(to)
        self.retrying.cut(to)

    def append(self, tokens: list[int]) -> None:
        self.transcript.append(Draft(tokens))

    @property
    def banned(self) -> frozenset[int]:
        """Where the text ends now."""
        (attempt,) = self.retrying.drafts(GuardState(), None)._attempts
        return attempt.banned


def test_a_ban_holds_at_its_position_as_long_as_the_text_before_it_stands() -> None:
    place = Place("one two six")
    first, second, *rest = place.transcript.tokens
    place.rewind(1)
    assert place.banned == {second}
    place.append([second])
    assert place.banned == frozenset()
    place.append(rest)
    place.cut(1)
    assert place.banned == {second}
    place.rewind(1)  # nothing stands there now
    assert place.banned == {second}
    place.rewind(0)
    assert place.banned == {first}
    place.append([first])
    assert place.banned == frozenset()


def test_what_a_mask_is_put_in_place_of_is_barred_no_longer() -> None:
    """The budget is spent: the text is cut, by no rewind, and goes on behind something else."""
    place = Place("one two six")
    first, *_ = place.transcript.tokens
    place.rewind(1)
    place.cut(0)
    place.append([first])
    assert place.banned == frozenset()


def test_bans_at_one_position_add_up() -> None:
    place = Place("one")
    banned = set(place.transcript.tokens)
    place.rewind(0)
    place.append(SHORT.encode("two"))
    banned |= set(place.transcript.tokens)
    place.rewind(0)
    assert place.banned == banned
