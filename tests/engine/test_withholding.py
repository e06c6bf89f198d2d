"""Alternatives without a name."""

from hypothesis import given
from hypothesis import strategies as st
from vllm.logprobs import Logprob

from server.engine.withholding import MARKER, withhold

entries = st.dictionaries(st.integers(0, 50), st.builds(Logprob, st.floats(-9, 0), st.integers(1, 9), st.just("word")))


@given(entries, st.sets(st.integers(0, 50)))
def test_nothing_vanishes_and_the_likeliest_stays_where_it_was(entry: dict[int, Logprob], ids: set[int]) -> None:
    left = withhold(entry, ids)
    assert [(value.logprob, value.rank) for value in left.values()] == [
        (value.logprob, value.rank) for value in entry.values()
    ]


@given(entries, st.sets(st.integers(0, 50)))
def test_neither_text_nor_id_of_what_is_withheld_is_left(entry: dict[int, Logprob], ids: set[int]) -> None:
    left = withhold(entry, ids)
    assert ids.isdisjoint(left)
    nameless = [value.decoded_token for token, value in left.items() if token < 0]
    assert nameless == [MARKER.format(at + 1) for at in range(len(nameless))], "told apart by text as well as by id"
    assert all(value.decoded_token == "word" for token, value in left.items() if token >= 0)


def test_what_is_withheld_later_is_counted_on() -> None:
    entry = {token: Logprob(-1.0, token, "word") for token in (1, 2, 3)}
    assert list(withhold(withhold(entry, {2}), {1, 3})) == [-2, -1, -3]
