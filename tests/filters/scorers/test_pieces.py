import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.scorers.pieces import (
    ALIKE,
    BUNDLE_PIECES,
    BUNDLE_TOKENS,
    LOAD_TOKENS,
    alike,
    bundles,
    loads,
    overlap,
    reading_limit,
)


@pytest.mark.parametrize(
    ("tokenizer_limit", "positions", "model_type", "limit"),
    [
        (512, 512, "bert", 512),
        (128, 512, "bert", 128),
        (10**30, 512, "albert", 512),
        (512, 514, "roberta", 512),
        (10**30, 514, "xlm-roberta", 512),
        (1024, 512, "bert", 512),
    ],
)
def test_the_limit_is_what_both_model_and_tokenizer_can(
    tokenizer_limit: int, positions: int, model_type: str, limit: int
) -> None:
    assert reading_limit(tokenizer_limit, positions, model_type) == limit


@given(st.integers(4, 2000), st.integers(0, 2))
def test_every_further_piece_brings_something_new(limit: int, special: int) -> None:
    assert 0 <= overlap(limit, special) < limit - special


@given(st.lists(st.integers(0, 600), max_size=120))
def test_bundles_hold_every_piece_once_within_the_bounds_and_of_similar_length(lengths: list[int]) -> None:
    made = bundles(lengths)
    assert sorted(index for bundle in made for index in bundle) == list(range(len(lengths)))
    for bundle in made:
        sizes = [lengths[index] for index in bundle]
        assert len(sizes) <= BUNDLE_PIECES
        assert len(sizes) * max(sizes) <= BUNDLE_TOKENS
        assert 2 * min(sizes) >= max(sizes) or max(sizes) <= 32


def test_short_texts_share_a_pass() -> None:
    assert len(bundles([3, 30, 9, 12])) == 1
    assert len(bundles([500, 3, 4])) == 2


@given(st.lists(st.integers(1, 3000), max_size=60))
def test_loads_hold_every_piece_once_longest_first_and_within_the_bound(lengths: list[int]) -> None:
    made = loads(lengths)
    assert sorted(index for load in made for index in load) == list(range(len(lengths)))
    for load in made:
        assert len(load) == 1 or sum(lengths[index] for index in load) <= LOAD_TOKENS
        assert [lengths[index] for index in load] == sorted((lengths[index] for index in load), reverse=True)


@given(st.lists(st.integers(1, 500), max_size=60))
def test_pieces_that_attend_together_are_of_similar_length(lengths: list[int]) -> None:
    rest = sorted(lengths, reverse=True)
    for count in alike(rest):
        together, rest = rest[:count], rest[count:]
        assert together[-1] >= ALIKE * together[0]
    assert rest == []
