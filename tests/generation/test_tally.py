"""What is counted of one choice."""

from server.generation.tally import Tally


def test_every_strategy_is_named_once_in_the_order_of_its_first_use() -> None:
    tally = Tally()
    for strategy in ("ban", "clause", "ban"):
        tally.tried(strategy)
    assert tally.strategies == ["ban", "clause"]
