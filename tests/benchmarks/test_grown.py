from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from benchmarks.grown import Size, grow
from server.settings import BUNDLED_MODEL


@pytest.fixture(scope="module")
def larger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("grown")
    assert grow(BUNDLED_MODEL, folder, Size(hidden=1024, units=1024, layers=6)) > 10_000_000
    return folder


def test_it_writes_what_the_bundled_one_writes(larger: Path) -> None:
    small, large = (AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32) for path in (BUNDLED_MODEL, larger))
    tokens = torch.randint(0, 6144, (2, 40), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        before, after = small(tokens).logits, large(tokens).logits
    assert large.config.num_hidden_layers == 6 and large.config.hidden_size == 1024
    assert torch.allclose(before, after, atol=1e-3)


def test_it_has_the_tokenizer(larger: Path) -> None:
    assert (larger / "tokenizer.json").read_bytes() == (BUNDLED_MODEL / "tokenizer.json").read_bytes()
