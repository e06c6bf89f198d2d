"""Every fact is told once."""

from filters.span import TextSpan
from filters.verdict import Cleared, Flagged
from server.generation.ledger import Ledger
from server.policy.policy import Policy
from tests.generation.stage import Recorder


def _ledger() -> tuple[Ledger, Recorder]:
    observer = Recorder()
    return Ledger(observer, Policy(), "model"), observer


def test_verdicts_are_counted_by_kind() -> None:
    ledger, observer = _ledger()
    ledger.judged(Cleared({"insult": 0.1}))
    ledger.judged(Flagged(TextSpan(0, 3), {"insult": 0.9}, "insult"))
    ledger.unjudged("deadline")
    assert observer.verdicts == {"cleared": 1, "flagged": 1, "failed": 1}
    tally = ledger.tally
    assert (tally.spans_scored, tally.spans_flagged, tally.detected, tally.failure) == (2, 1, {"insult"}, "deadline")
    assert tally.scores == {}, "only what was let through has a score"


def test_the_last_flagged_span_is_what_may_end_the_answer_with_all_categories_that_it_exceeds() -> None:
    ledger, _ = _ledger()
    ledger.judged(Flagged(TextSpan(0, 3), {"insult": 0.9, "threat": 0.1, "toxicity": 0.8}, "insult"))
    assert ledger.tally.cause == {"insult": 0.9, "toxicity": 0.8}
    ledger.judged(Flagged(TextSpan(0, 3), {"threat": 0.95}, "threat"))
    assert ledger.tally.cause == {"threat": 0.95} and ledger.tally.detected == {"insult", "toxicity", "threat"}
    ledger.unjudged("deadline")
    assert ledger.tally.cause == {}, "no score ends an answer that ends for want of one"


def test_each_rewind_has_one_outcome() -> None:
    ledger, observer = _ledger()
    ledger.settled("cleared")
    ledger.rewound("ban")
    ledger.rewound("clause")
    ledger.inserted("mask")
    ledger.settled("cleared")
    ledger.rewound("ban")
    ledger.settled("cleared")
    ledger.settled("exhausted")
    assert observer.rewinds == [("ban", "flagged"), ("clause", "exhausted"), ("ban", "cleared")]
    assert ledger.tally.strategies == ["ban", "clause", "mask"]


def test_no_tokens_are_no_news() -> None:
    ledger, observer = _ledger()
    ledger.released(0)
    ledger.discarded(0)
    ledger.released(2)
    ledger.discarded(3)
    assert observer.counts == {"released": 2, "discarded": 3}
