import pytest

from filters.scorers.encoder import read_encoder
from tests.filters.scorers.models import KINDS, small, unknown


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_detoxify_is_read(kind: str) -> None:
    encoder = read_encoder(small(kind))
    assert encoder is not None
    assert len(encoder.layers) == 3
    assert encoder.layers[0].query_key_value.weight.shape == (96, 32)
    assert (encoder.widen is not None) == (kind == "albert")


def test_alberts_layers_are_one_and_the_same() -> None:
    encoder = read_encoder(small("albert"))
    assert encoder is not None
    assert encoder.layers[0] is encoder.layers[2]


def test_of_an_unknown_kind_nothing_is_said() -> None:
    assert read_encoder(unknown()) is None


def test_weights_are_not_copied() -> None:
    model = small("bert")
    encoder = read_encoder(model)
    assert encoder is not None
    assert encoder.words.data_ptr() == model.bert.embeddings.word_embeddings.weight.data_ptr()
    assert encoder.layers[1].up.weight.data_ptr() == model.bert.encoder.layer[1].intermediate.dense.weight.data_ptr()


def test_a_part_of_a_layer_has_those_outputs() -> None:
    encoder = read_encoder(small("bert"))
    assert encoder is not None
    joined = encoder.layers[0].query_key_value
    part = joined.part(32, 64)
    assert part.weight.equal(joined.weight[32:64])
    assert part.bias.equal(joined.bias[32:64])
