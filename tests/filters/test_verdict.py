from typing import assert_never

from filters.span import TextSpan
from filters.verdict import Cleared, Flagged, Verdict


def told(verdict: Verdict) -> str:
    match verdict:
        case Cleared(scores):
            return f"cleared {dict(scores)}"
        case Flagged(span, _, _):
            return f"{verdict.category} from {span.start}"
    assert_never(verdict)


def test_a_verdict_is_one_of_two() -> None:
    assert told(Cleared({"insult": 0.1})) == "cleared {'insult': 0.1}"
    assert told(Flagged(TextSpan(4, 9), {"insult": 0.8}, ("insult", "threat"))) == "insult from 4"
