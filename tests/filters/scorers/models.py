"""Small classifiers of every kind that detoxify has, with random weights."""

from typing import Any

import torch
from transformers import (
    AlbertConfig,
    AlbertForSequenceClassification,
    BertConfig,
    BertForSequenceClassification,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    RobertaConfig,
    RobertaForSequenceClassification,
    XLMRobertaConfig,
    XLMRobertaForSequenceClassification,
)

KINDS: dict[str, tuple[Any, Any]] = {
    "bert": (BertConfig, BertForSequenceClassification),
    "roberta": (RobertaConfig, RobertaForSequenceClassification),
    "xlm-roberta": (XLMRobertaConfig, XLMRobertaForSequenceClassification),
    "albert": (AlbertConfig, AlbertForSequenceClassification),
}
WORDS = range(10, 90)
"""Token ids that none of them takes for padding."""


def small(kind: str, **changes: Any) -> Any:
    """A classifier of a kind, its outputs far enough from 0 that pieces differ."""
    config, model = KINDS[kind]
    shape = {
        "vocab_size": 100,
        "hidden_size": 32,
        "embedding_size": 16,
        "intermediate_size": 64,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "max_position_embeddings": 64,
        "num_labels": 4,
    }
    torch.manual_seed(1)
    made = model(config(**(shape | changes))).eval()
    with torch.no_grad():
        for weight in made.parameters():
            if weight.dim() == 2:
                weight.normal_(std=0.2)
    return made


def unknown() -> Any:
    """A classifier of a kind that is left to transformers."""
    config = DistilBertConfig(vocab_size=100, dim=32, hidden_dim=64, n_layers=1, n_heads=4, num_labels=4)
    return DistilBertForSequenceClassification(config).eval()


def alone(model: Any, piece: list[int]) -> torch.Tensor:
    """What transformers says of one piece."""
    with torch.inference_mode():
        logits: torch.Tensor = model(input_ids=torch.tensor([piece])).logits[0]
    return logits
