from tests.training.answering import answering
from training import speed
from training.speed import Round


async def test_each_number_of_streams_has_its_rounds_in_turn() -> None:
    with answering() as (base_url, asked):
        found = await speed.measure(base_url, rounds=2, streams=(1, 2), max_tokens=4)
    assert {count: len(rounds) for count, rounds in found.items()} == {1: 2, 2: 2}
    assert all(each.throughput > 0 for rounds in found.values() for each in rounds)
    # Warm, then 1 and 2 streams by turns.
    assert [body["seed"] for body in asked if body["seed"] == 0].count(0) == 6
    assert len(asked) == 3 * (1 + 2)
    assert {(body["max_tokens"], body["ignore_eos"], body["detox"]["mode"]) for body in asked} == {(4, True, "off")}


def test_a_row_has_the_median_and_its_spread() -> None:
    rounds = [Round(100.0, 0.2), Round(300.0, 0.1), Round(180.0, 0.3)]
    heading, table, note = speed.blocks({8: rounds})
    assert heading.startswith("## ")
    assert table.splitlines()[2] == "| 8 | 180 | 100 to 300 | 200 ms |"
    assert "3 rounds" in note
