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
    found = packed(kind, linear)(pieces).logits
    assert torch.allclose(found, torch.stack([alone(MODELS[kind], piece) for piece in pieces]), atol=1e-4)


@examples(25)
@given(pieces=PIECES)
def test_a_rough_pass_says_the_same_of_a_piece_in_any_batch(pieces: list[list[int]]) -> None:
    forward = packed("bert", Int8)
    assert torch.allclose(forward(pieces).logits, torch.cat([forward([piece]).logits for piece in pieces]), atol=0.05)


def test_pieces_of_equal_length_need_no_mask() -> None:
    pieces = [[10, 11, 12], [13, 14, 15]]
    expected = torch.stack([alone(MODELS["bert"], piece) for piece in pieces])
    assert torch.allclose(packed("bert")(pieces).logits, expected, atol=1e-4)


def test_many_tokens_are_read_in_several_passes() -> None:
    pieces = [[10 + (index % 70)] * 60 for index in range(40)]
    expected = torch.stack([alone(MODELS["bert"], piece) for piece in pieces])
    assert torch.allclose(packed("bert")(pieces).logits, expected, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_embeddings_are_those_of_transformers_states_whatever_else_is_in_the_batch(kind: str) -> None:
    pieces = [[10, 11, 12], [13] * 30, [14]]
    found = packed(kind)(pieces).embeddings
    for row, piece in zip(found, pieces, strict=True):
        with torch.inference_mode():
            states = MODELS[kind](input_ids=torch.tensor([piece]), output_hidden_states=True).hidden_states
        expected = torch.cat([states[0][0].mean(dim=0), states[2][0].mean(dim=0), states[3][0, 0]])
        assert torch.allclose(row, expected, atol=1e-4)
