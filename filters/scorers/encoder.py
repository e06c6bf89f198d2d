"""What a classifier of transformers is made of, read out so that it can be run in another way (packed.py).

The rules:
1. Known are BERT, RoBERTa, XLM-RoBERTa and ALBERT, which are detoxify's; of anything else `read_encoder` says None.
2. Weights are not copied, but for query, key and value, which are put together.
3. Whether it was understood correctly is not decided here: passes.py compares the outcome with the model's own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True, slots=True)
class Affine:
    """A linear layer: `weight` is (outputs, inputs), `bias` (outputs)."""

    weight: torch.Tensor
    bias: torch.Tensor

    def part(self, begin: int, end: int) -> "Affine":
        """Return the layer that has only these outputs."""
        return Affine(self.weight[begin:end], self.bias[begin:end])


@dataclass(frozen=True, slots=True)
class Norm:
    """A layer normalisation over the last dimension."""

    weight: torch.Tensor
    bias: torch.Tensor
    eps: float


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer: attention, then a network of its own for each token, each added to its input and normalised."""

    query_key_value: Affine
    attended: Affine
    attended_norm: Norm
    up: Affine
    activation: Callable[[torch.Tensor], torch.Tensor]
    down: Affine
    down_norm: Norm


@dataclass(frozen=True, slots=True)
class Encoder:
    """A classifier: embeddings, layers, and the head, which looks at the first token only.

    `places` holds what a token's position adds to its embedding, from the first position on, with the one token type.
    """

    words: torch.Tensor
    places: torch.Tensor
    norm: Norm
    widen: Affine | None
    layers: tuple[Layer, ...]
    heads: int
    dense: Affine
    out: Affine


def read_encoder(model: Any) -> Encoder | None:
    """Return the parts of a classifier of transformers, None for a kind that is not known here."""
    match model.config.model_type:
        case "bert":
            return _encoder(model, model.bert, _bert_layers(model.bert), model.bert.pooler.dense, model.classifier)
        case "roberta" | "xlm-roberta":
            body, head = model.roberta, model.classifier
            return _encoder(
                model, body, _bert_layers(body), head.dense, head.out_proj, first=body.embeddings.padding_idx + 1
            )
        case "albert":
            return _encoder(model, model.albert, _albert_layers(model.albert), model.albert.pooler, model.classifier)
        case _:
            return None


def _encoder(model: Any, body: Any, layers: tuple[Layer, ...], dense: Any, out: Any, *, first: int = 0) -> Encoder:
    embeddings = body.embeddings
    widen = getattr(body.encoder, "embedding_hidden_mapping_in", None)
    return Encoder(
        words=embeddings.word_embeddings.weight.detach(),
        places=(embeddings.position_embeddings.weight[first:] + embeddings.token_type_embeddings.weight[0]).detach(),
        norm=_norm(embeddings.LayerNorm),
        widen=None if widen is None else _affine(widen),
        layers=layers,
        heads=model.config.num_attention_heads,
        dense=_affine(dense),
        out=_affine(out),
    )


def _bert_layers(body: Any) -> tuple[Layer, ...]:
    return tuple(
        Layer(
            query_key_value=_joined(layer.attention.self),
            attended=_affine(layer.attention.output.dense),
            attended_norm=_norm(layer.attention.output.LayerNorm),
            up=_affine(layer.intermediate.dense),
            activation=layer.intermediate.intermediate_act_fn,
            down=_affine(layer.output.dense),
            down_norm=_norm(layer.output.LayerNorm),
        )
        for layer in body.encoder.layer
    )


def _albert_layers(body: Any) -> tuple[Layer, ...]:
    """Return ALBERT's layers as they run: group after group, each for its share of the depth."""
    groups = [[_albert_layer(layer) for layer in group.albert_layers] for group in body.encoder.albert_layer_groups]
    depth = body.config.num_hidden_layers
    return tuple(layer for step in range(depth) for layer in groups[step * len(groups) // depth])


def _albert_layer(layer: Any) -> Layer:
    attention = layer.attention
    return Layer(
        query_key_value=_joined(attention),
        attended=_affine(attention.dense),
        attended_norm=_norm(attention.LayerNorm),
        up=_affine(layer.ffn),
        activation=layer.activation,
        down=_affine(layer.ffn_output),
        down_norm=_norm(layer.full_layer_layer_norm),
    )


def _joined(attention: Any) -> Affine:
    parts = (attention.query, attention.key, attention.value)
    weight, bias = torch.cat([part.weight for part in parts]), torch.cat([part.bias for part in parts])
    return Affine(weight.detach(), bias.detach())


def _affine(linear: Any) -> Affine:
    return Affine(linear.weight.detach(), linear.bias.detach())


def _norm(norm: Any) -> Norm:
    return Norm(norm.weight.detach(), norm.bias.detach(), norm.eps)
