import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from filters.scorers.encoder import Affine
from filters.scorers.linears import BFloat16, Full, Half, Int8, Linear, OneDnn
from tests.properties import examples

KINDS: list[type[Linear]] = [Full, OneDnn, BFloat16, Half, Int8]


def affine(inputs: int = 48, outputs: int = 24) -> Affine:
    torch.manual_seed(2)
    return Affine(torch.randn(outputs, inputs), torch.randn(outputs))


@pytest.mark.parametrize(
    ("kind", "within"), [(Full, 1e-5), (OneDnn, 1e-5), (BFloat16, 1e-1), (Half, 5e-2), (Int8, 3e-1)]
)
def test_the_outcome_is_the_products_within_its_precision(kind: type[Linear], within: float) -> None:
    layer = affine()
    tokens = torch.randn(30, 48)
    found = kind(layer)(tokens)
    assert found.dtype == torch.float32
    assert (found - (tokens @ layer.weight.T + layer.bias)).abs().max() < within


@examples(20)
@given(st.integers(1, 40), st.floats(1e-3, 1e6))
def test_int8_says_of_a_token_what_it_says_of_it_alone(others: int, size: float) -> None:
    layer = Int8(affine())
    torch.manual_seed(others)
    token = torch.randn(1, 48)
    together = torch.cat([token, torch.randn(others, 48) * size])
    assert torch.allclose(layer(together)[:1], layer(token), atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_tokens_and_weights_of_zeros_give_the_bias(kind: type[Linear]) -> None:
    layer = Affine(torch.zeros(4, 8), torch.ones(4))
    assert kind(layer)(torch.zeros(2, 8)).tolist() == [[1.0] * 4] * 2
    assert kind(affine(8, 4))(torch.zeros(1, 8)).isfinite().all()
