"""What is counted of one choice."""

from collections.abc import Callable
from functools import partial

from server.generation.tally import FlaggedSpan, Tally


def test_every_strategy_is_named_once_in_the_order_of_its_first_use() -> None:
    tally = Tally()
    for strategy in ("ban", "clause", "ban"):
        tally.tried(strategy)
    assert tally.strategies == ["ban", "clause"]


def test_without_a_guard_an_answer_is_what_its_first_flag_makes_it() -> None:
    tally, verdicts = Tally(), []
    flagged = [FlaggedSpan(1, 0, 3, scores) for scores in ({"insult": 0.9, "threat": 0.6}, {"threat": 0.9})]
    happening: list[Callable[[], None]] = [lambda: None, tally.judged, lambda: tally.failed("deadline")]
    happening += [partial(tally.flagged, span) for span in flagged]
    for happens in happening:
        happens()
        verdicts.append((tally.verdict, tally.turned))
    assert verdicts == [(None, None), ("cleared", None), ("failed", None), *[("flagged", "insult")] * 2]
