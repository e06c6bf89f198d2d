"""An adversarial world around the guard: an engine and a scorer that do whatever they like, in any order.

Every token that the engine samples is an object of its own, so that a token is never mistaken for another one that
stood at the same place. The world checks the promises at every step, not at the end.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import assert_never

from server.guard.advance import advance
from server.guard.commands import Command, Finish, Insert, Release, Rewind, Score
from server.guard.events import Cleared, Drafted, Ended, Event, Flagged, Inserted, Places, ScorerFailed
from server.guard.state import GuardState
from server.policy.policy import Policy

STEPS = 5000
MOST_LOST = 3
"""Tokens of candidates that lost, at a rewind."""


@dataclass(eq=False)
class Token:
    """One sampled or inserted token; `may_leave` once the policy gives a reason for it."""

    value: int = 0
    may_leave: bool = False


Verdict = Callable[["World", Score, list[Token]], Event]
Sample = Callable[["World", int], int]


@dataclass(eq=False)
class World:
    """`verdict` answers a window, `sample` gives the value of the token at a position. The engine ends at `length`."""

    policy: Policy
    random: Random
    verdict: Verdict
    sample: Sample = lambda world, at: 0
    length: int = 40
    endings: tuple[str, ...] = ("stop", "length")
    late_events: bool = True
    state: GuardState = field(default_factory=GuardState)
    line: list[Token] = field(default_factory=list)
    sent: list[Token] = field(default_factory=list)
    asked: list[tuple[Score, list[Token]]] = field(default_factory=list)
    history: list[Event] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    flagged: list[Token] = field(default_factory=list)
    cleared: list[list[Token]] = field(default_factory=list)
    """The tokens of each window that was cleared while its attempt was the current one."""
    sampled: int = 0
    longest: int = 0
    dropped_by_rewinds: int = 0
    lost: int = 0
    ended: str | None = None
    finish: str | None = None

    def run(self) -> "World":
        """Until the choice is finished and nobody has anything more to say. Fails on a stall."""
        for _ in range(STEPS):
            if self.finish is not None and not (self.policy.mode == "monitor" and self.asked):
                return self
            self.step()
        raise AssertionError(f"no end in sight: {self.state}")

    def step(self) -> None:
        if self.late_events and self.history and self.random.random() < 0.2:
            self.feed(self.random.choice(self.history))  # said once more, long after
            return
        moves: list[Callable[[], None]] = []
        if self.ended is None:
            moves.append(self.draft)
        if self.asked:
            moves.append(self.answer)
        assert moves, f"stalled: {self.state}"
        self.random.choice(moves)()

    def draft(self) -> None:
        left = self.length - len(self.line)
        if left <= 0 or self.random.random() < 0.1:
            self.ended = self.random.choice(self.endings)
            self.tell(Ended(self.state.attempt, self.ended))
            return
        for _ in range(self.random.randint(1, min(7, left))):
            self.line.append(Token(self.sample(self, len(self.line))))
            self.sampled += 1
        self.longest = max(self.longest, len(self.line))
        judgeable = self.random.randint(0, len(self.line)) if self.random.random() < 0.5 else len(self.line)
        lost, self.lost = self.lost, 0
        self.sampled += lost
        self.dropped_by_rewinds += lost
        self.tell(Drafted(self.state.attempt, len(self.line), judgeable, lost))

    def answer(self) -> None:
        score, tokens = self.asked.pop(self.random.randrange(len(self.asked)))
        event = self.verdict(self, score, tokens)
        current = score.attempt == self.state.attempt and not self.state.finished
        if current and self.policy.mode == "enforce":
            for token in tokens:
                token.may_leave |= self.reason_to_leave(event)
            if isinstance(event, Cleared):
                self.cleared.append(tokens)
            if isinstance(event, Flagged) and self.policy.on_exhausted == "flag":
                self.flagged = self.line[len(self.sent) : score.window.end]
        self.tell(event)

    def reason_to_leave(self, event: Event) -> bool:
        match event:
            case Cleared():
                return True
            case Flagged():
                return self.policy.on_exhausted == "flag"
            case _:
                return self.policy.on_scorer_failure == "open"

    def tell(self, event: Event) -> None:
        if not isinstance(event, Inserted):  # of the current attempt those cannot come twice: nobody else inserts
            self.history.append(event)
        self.feed(event)

    def feed(self, event: Event) -> None:
        self.state, commands = advance(self.state, event, self.policy)
        for command in commands:
            self.commands.append(command)
            self.obey(command)
        self.check_marks()

    def obey(self, command: Command) -> None:
        assert self.finish is None or self.policy.mode == "monitor", f"{command} after Finish"
        match command:
            case Score(window=window):
                assert 0 <= window.start < window.end <= len(self.line)
                self.asked.append((command, self.line[window.start : window.end]))
            case Release(upto=upto):
                self.release(upto)
            case Rewind(to=to, retry=retry):
                self.dropped_by_rewinds += len(self.line) - to
                assert 1 <= retry <= self.policy.max_rewinds_per_span
                assert to < len(self.line)
                self.cut(to)
                self.lost = self.random.choice((0, 0, MOST_LOST))
            case Insert():
                self.cut(command.to)
                self.insert(command)
            case Finish(reason=reason):
                self.finish = reason
            case _:
                assert_never(command)

    def release(self, upto: int) -> None:
        assert len(self.sent) < upto <= len(self.line), "released text only grows"
        for token in self.line[len(self.sent) : upto]:
            assert token.may_leave or self.policy.mode == "monitor", f"token left unjudged: {self.state}"
            self.sent.append(token)

    def cut(self, to: int) -> None:
        assert to >= len(self.sent), "went behind the release frontier"
        del self.line[to:]
        self.ended = None

    def insert(self, command: Insert) -> None:
        put_back = command.what == "candidate"
        if put_back:
            assert command.to == len(self.sent)
            assert self.flagged, "a candidate was wanted, and none was flagged"
            self.line += self.flagged
        else:
            self.line += [Token(may_leave=True) for _ in range(self.random.randint(0, 3))]
        self.tell(Inserted(command.attempt, len(self.line), put_back=put_back))

    def check_marks(self) -> None:
        state = self.state
        assert state.drafted == len(self.line)
        assert self.sent == self.line[: len(self.sent)]
        assert state.released == len(self.sent)
        assert state.drafted + state.discarded - state.written == self.sampled
        if self.policy.mode == "enforce":
            assert state.released <= state.cleared <= state.submitted <= state.drafted, state


def clearing(world: World, score: Score, tokens: list[Token]) -> Event:
    """A scorer that likes everything."""
    return Cleared(score.attempt, score.window)


def whimsical(flag: float, fail: float = 0.0) -> Verdict:
    """A scorer that flags and fails by chance, with onsets anywhere, outside the window too."""

    def verdict(world: World, score: Score, tokens: list[Token]) -> Event:
        chance = world.random.random()
        if chance < fail:
            return ScorerFailed(score.attempt, score.window)
        if chance < fail + flag:
            onset = world.random.randint(-3, score.window.end + 5)
            starts = sorted(world.random.randint(0, score.window.end) for _ in range(3))
            clause, sentence, previous = reversed(starts)
            spent = world.random.random() < 0.05
            return Flagged(score.attempt, score.window, onset, Places(clause, sentence, previous), spent)
        return Cleared(score.attempt, score.window)

    return verdict
