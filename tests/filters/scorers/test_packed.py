import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from filters.scorers.encoder import read_encoder
from filters.scorers.linears import Full, Int8, Linear, OneDnn
from filters.scorers.packed import PackedForward
from tests.filters.scorers.models import KINDS, WORDS, alone, small
from tests.properties import examples

PIECES = st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=50), min_size=1, max_size=12)
MODELS = {kind: small(kind) for kind in KINDS}


def packed(kind: str, linear: type[Linear] = Full) -> PackedForward:
    encoder = read_encoder(MODELS[kind])
    assert encoder is not None
    return PackedForward(encoder, linear)


@pytest.mark.parametrize("linear", [Full, OneDnn])
@pytest.mark.parametrize("kind", KINDS)
@examples(25)
@given(pieces=PIECES)
def test_it_says_what_transformers_says_of_each_piece_alone(
    kind: str, linear: type[Linear], pieces: list[list[int]]
) -> None:
    found = packed(kind, linear)(pieces)
    assert torch.allclose(found, torch.stack([alone(MODELS[kind], piece) for piece in pieces]), atol=1e-4)


@examples(25)
@given(pieces=PIECES)
def test_a_rough_pass_says_the_same_of_a_piece_in_any_batch(pieces: list[list[int]]) -> None:
    forward = packed("bert", Int8)
    assert torch.allclose(forward(pieces), torch.cat([forward([piece]) for piece in pieces]), atol=0.05)


def test_pieces_of_equal_length_need_no_mask() -> None:
    pieces = [[10, 11, 12], [13, 14, 15]]
    expected = torch.stack([alone(MODELS["bert"], piece) for piece in pieces])
    assert torch.allclose(packed("bert")(pieces), expected, atol=1e-4)


def test_many_tokens_are_read_in_several_passes() -> None:
    pieces = [[10 + (index % 70)] * 60 for index in range(40)]
    expected = torch.stack([alone(MODELS["bert"], piece) for piece in pieces])
    assert torch.allclose(packed("bert")(pieces), expected, atol=1e-4)
