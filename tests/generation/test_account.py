"""Every fact is told once, and timed on a clock that the test moves."""

from filters.passage import Passage
from filters.span import TextSpan
from filters.verdict import Cleared, Flagged
from server.generation.account import Account, Clockwork
from server.generation.tally import MOST_SPANS, FlaggedSpan
from server.guard.commands import Rewind, Score, Way
from server.guard.events import TokenSpan
from server.policy.policy import Policy
from tests.generation.stage import Recorder

WINDOW = Score(1, TokenSpan(0, 3))
PLACE = (WINDOW, Passage("so you idiot", 0), 30)
"""The window, its passage, and where that begins in the answer."""


class Bench:
    def __init__(self) -> None:
        self.at = 100.0
        self.observer = Recorder()
        self.clock = Clockwork(self.observer, lambda: self.at)

    @property
    def times(self) -> dict[str, list[float]]:
        return self.observer.times


def test_where_a_span_was_flagged_is_kept_and_its_text_only_where_the_policy_says_so() -> None:
    verdict = Flagged(TextSpan(7, 12), {"insult": 0.9, "toxicity": 0.1}, ("insult",))
    for audit_text, text in (("none", None), ("hash", "idiot"), ("full", "idiot")):
        account = Account(Recorder(), Policy.model_validate({"audit_text": audit_text}), "model")
        for _ in range(MOST_SPANS + 1):
            account.judged(verdict, *PLACE, 0.1)
        assert account.tally.flagged_spans == [FlaggedSpan(1, 37, 42, {"insult": 0.9}, text)] * MOST_SPANS
        assert account.tally.spans_flagged == MOST_SPANS + 1 and "idiot" not in repr(account.tally)


def rewind(way: Way, to: int) -> Rewind:
    return Rewind(to=to, attempt=1, strategy=way, retry=1)


def _account() -> tuple[Account, Recorder]:
    observer = Recorder()
    return Account(observer, Policy(), "model"), observer


def test_verdicts_are_counted_by_kind() -> None:
    account, observer = _account()
    account.judged(Cleared({"insult": 0.1}), *PLACE, 0.1)
    account.judged(Flagged(TextSpan(0, 3), {"insult": 0.9}, ("insult",)), *PLACE, 0.1)
    account.unjudged("deadline", WINDOW, 0.1)
    assert observer.verdicts == {"cleared": 1, "flagged": 1, "failed": 1}
    tally = account.tally
    assert (tally.spans_scored, tally.spans_flagged, tally.detected, tally.failure) == (2, 1, {"insult"}, "deadline")
    assert tally.scores == {}, "only what was let through has a score"


def test_the_last_flagged_span_is_what_may_end_the_answer_with_all_categories_that_it_exceeds() -> None:
    account, _ = _account()
    scores = {"insult": 0.9, "threat": 0.1, "toxicity": 0.8}
    account.judged(Flagged(TextSpan(0, 3), scores, ("toxicity", "insult")), *PLACE, 0.1)
    assert account.tally.cause == {"insult": 0.9, "toxicity": 0.8}
    account.judged(Flagged(TextSpan(0, 3), {"threat": 0.95}, ("threat",)), *PLACE, 0.1)
    assert account.tally.cause == {"threat": 0.95} and account.tally.detected == {"insult", "toxicity", "threat"}
    account.unjudged("deadline", WINDOW, 0.1)
    assert account.tally.cause == {}, "no score ends an answer that ends for want of one"


def test_each_rewind_has_one_outcome() -> None:
    account, observer = _account()
    account.settled("cleared")
    account.rewound(rewind("ban", 0), 1)
    account.rewound(rewind("clause", 0), 1)
    account.inserted("mask", 0, 2)
    account.settled("cleared")
    account.rewound(rewind("ban", 0), 1)
    account.settled("cleared")
    account.settled("exhausted")
    assert observer.rewinds == [("ban", "flagged"), ("clause", "exhausted"), ("ban", "cleared")]
    assert account.tally.strategies == ["ban", "clause", "mask"]


def test_no_tokens_are_no_news() -> None:
    account, observer = _account()
    account.sent(0)
    account.discarded(0)
    account.sent(2)
    account.discarded(3)
    assert observer.counts == {"released": 2, "discarded": 3}


def test_calm_settles_the_rewind_and_stops_the_clock() -> None:
    bench = Bench()
    account = Account(bench.observer, Policy(), "model", lambda: bench.at)
    assert account.flagged(WINDOW, 0) == 0
    account.rewound(rewind("ban", 0), 1)
    bench.at += 2
    account.drafted(3)
    account.calm("cleared")
    bench.at += 50
    assert account.flagged(WINDOW, 0) == 2
    assert (bench.times["rewind"], bench.observer.rewinds) == ([2.0], [("ban", "cleared")])


def test_what_stands_in_takes_no_time_to_draft() -> None:
    bench = Bench()
    account = Account(bench.observer, Policy(), "model", lambda: bench.at)
    account.drafted(4)
    bench.at += 5
    account.inserted("mask", 2, 3)
    account.released(2)
    account.drafted(3)
    assert "rewind" not in bench.times and bench.times["held"] == [5.0]


def test_the_first_release_is_timed_once_from_the_beginning() -> None:
    bench = Bench()
    for upto in (2, 4):
        bench.at += 3
        bench.clock.released(upto)
    assert bench.times["first_release"] == [3.0]


def test_held_is_the_age_of_the_oldest_token_that_leaves() -> None:
    bench = Bench()
    for upto in (2, 4, 6):
        bench.clock.drafted(upto)
        bench.at += 1
    bench.clock.released(4)
    bench.at += 1
    bench.clock.released(6)
    assert bench.times["held"] == [3.0, 2.0]


def test_tokens_that_survive_a_rewind_keep_their_age() -> None:
    bench = Bench()
    bench.clock.drafted(6)
    bench.at += 5
    bench.clock.rewound(4)
    bench.clock.drafted(8)
    bench.at += 1
    bench.clock.released(4)
    bench.clock.released(8)
    assert bench.times["held"] == [6.0, 1.0]


def test_dropped_tokens_have_no_age() -> None:
    bench = Bench()
    bench.clock.drafted(2)
    bench.clock.released(2)
    bench.clock.drafted(6)
    bench.at += 5
    bench.clock.cut(2)
    bench.clock.drafted(4)
    bench.at += 1
    bench.clock.released(4)
    assert bench.times["held"] == [0.0, 1.0]


def test_a_rewind_takes_until_the_next_draft() -> None:
    bench = Bench()
    bench.clock.rewound(0)
    bench.at += 2
    bench.clock.drafted(1)
    bench.at += 2
    bench.clock.drafted(2)
    assert bench.times["rewind"] == [2.0]


def test_trouble_counts_from_a_flag_to_the_calm_and_adds_up() -> None:
    bench = Bench()
    assert bench.clock.flagged() == 0
    bench.at += 2
    assert bench.clock.flagged() == 2
    bench.at += 1
    bench.clock.calm()
    bench.at += 50  # all is well
    bench.clock.calm()
    assert bench.clock.flagged() == 3
    bench.at += 4
    assert bench.clock.flagged() == 7


def test_the_language_of_an_answer_is_told_once_it_is_over() -> None:
    account, observer = _account()
    assert (account.tally.language, account.tally.unread) == (None, False)
    account.heard("ru", unread=True)
    assert observer.languages == [("ru", True)]
    assert (account.tally.language, account.tally.unread) == ("ru", True)


INSULT = Flagged(TextSpan(0, 3), {"insult": 0.9, "threat": 0.6}, ("insult", "threat"))
THREAT = Flagged(TextSpan(0, 3), {"threat": 0.9}, ("threat",))
CLEAN = Cleared({"insult": 0.1})


def _over(*verdicts: Flagged | Cleared | None, language: str | None = "de") -> Recorder:
    """What is told of a choice with these verdicts (None: there was none) in this language (None: nobody looked)."""
    account, observer = _account()
    for verdict in verdicts:
        account.unjudged("error", WINDOW, 0.1) if verdict is None else account.judged(verdict, *PLACE, 0.1)
    if language is not None:
        account.heard(language, unread=False)
    account.over()
    return observer


def test_an_answer_counts_as_what_nobody_had_guarded_once_and_by_what_was_flagged_first() -> None:
    assert _over(CLEAN, INSULT, None, THREAT).answers == [("flagged", "insult", "de", "default", "model")]
    assert _over(CLEAN, None, CLEAN).answers == [("failed", "none", "de", "default", "model")]
    assert _over(CLEAN, CLEAN).answers == [("cleared", "none", "de", "default", "model")]
    assert _over(CLEAN, language=None).answers == [("cleared", "none", "unknown", "default", "model")]


def test_an_answer_of_which_nothing_was_judged_is_none() -> None:
    observer = _over()
    assert (observer.answers, observer.heard) == ([], [])


def test_spans_are_counted_by_the_language_of_their_answer() -> None:
    assert _over(CLEAN, INSULT, None, CLEAN).heard == [("de", 3, 1)]


def test_a_verdict_and_its_time_are_told_as_what_comes_of_it() -> None:
    told = {}
    for mode, failure in (("enforce", "closed"), ("enforce", "open"), ("monitor", "closed")):
        observer = Recorder()
        account = Account(observer, Policy.model_validate({"mode": mode, "on_scorer_failure": failure}), "model")
        account.judged(CLEAN, *PLACE, 0.1)
        account.judged(INSULT, *PLACE, 0.2)
        account.unjudged("deadline", WINDOW, 3.0)
        told[mode, failure] = {result: times for (_, result), times in observer.results.items()}
        assert {phase for phase, _ in observer.results} == {"output"}
    assert told["enforce", "closed"] == {"allowed": [0.1], "blocked": [0.2], "failed": [3.0]}
    assert told["enforce", "open"] == {"allowed": [0.1], "blocked": [0.2], "bypassed": [3.0]}
    assert told["monitor", "closed"] == {"allowed": [0.1], "would_block": [0.2], "bypassed": [3.0]}


def test_the_first_text_is_held_from_the_first_token_that_was_drafted_however_often_it_is_taken_back() -> None:
    bench = Bench()
    bench.clock.drafted(2)
    bench.at += 3
    bench.clock.rewound(0)
    bench.clock.drafted(4)
    bench.at += 1
    for upto in (2, 4):
        bench.clock.released(upto)
        bench.at += 9
    assert bench.times["first_text"] == [4.0]
