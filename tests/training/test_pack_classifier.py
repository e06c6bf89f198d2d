import json
import shutil
from pathlib import Path

import pytest
import torch
from detoxify import Detoxify
from transformers import BertConfig, BertForSequenceClassification

from filters.scorers.checkpoint import find_checkpoint, read_checkpoint, sha256
from training.pack_classifier import FILES, pack

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def source(tmp_path: Path, bundled_classifier: Path) -> Path:
    """A small classifier in Hugging Face's format, half precision, its tokenizer set to cut and pad."""
    folder = tmp_path / "source"
    sizes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    labels = {"id2label": {0: "toxicity", 1: "insult"}, "label2id": {"toxicity": 0, "insult": 1}}
    torch.manual_seed(0)
    BertForSequenceClassification(BertConfig(**sizes, **labels)).half().save_pretrained(folder)
    tokenizer = json.loads((bundled_classifier / "tokenizer.json").read_text())
    cut = {"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0}
    (folder / "tokenizer.json").write_text(json.dumps({**tokenizer, "truncation": cut}))
    shutil.copy(bundled_classifier / "tokenizer_config.json", folder)
    return folder


def test_the_same_source_gives_the_same_bytes_and_the_sums_agree(source: Path, tmp_path: Path) -> None:
    pack(source, tmp_path / "one")
    pack(source, tmp_path / "two")
    for name in (*FILES, "SHA256SUMS"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert find_checkpoint(str(tmp_path / "one")).name == "detoxify.ckpt"


@pytest.mark.parametrize("config_path", [None, "models/classifier"])
def test_detoxify_loads_what_was_packed_from_the_projects_root(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config_path: str | None
) -> None:
    pack(source, tmp_path / "models" / "classifier")
    monkeypatch.chdir(tmp_path)
    packed = Detoxify(checkpoint="models/classifier/detoxify.ckpt", huggingface_config_path=config_path)
    original = BertForSequenceClassification.from_pretrained(source, dtype=torch.float32).eval()
    text = "six words that are not cut"
    ids = packed.tokenizer(text, return_tensors="pt").input_ids
    assert ids.shape == (1, 8)
    expected = torch.sigmoid(original(input_ids=ids).logits[0]).tolist()
    assert list(packed.predict(text).values()) == pytest.approx(expected, abs=1e-4)


def test_the_bundled_classifier_is_sound_and_its_weights_are_kept_once(bundled_classifier: Path) -> None:
    contents = read_checkpoint(find_checkpoint(str(bundled_classifier)))
    assert contents["config"]["arch"]["args"]["model_type"] == str(bundled_classifier.relative_to(ROOT))
    assert {value.dtype for value in contents["state_dict"].values()} == {torch.float16}
    assert sum(path.stat().st_size for path in bundled_classifier.iterdir()) < 70_000_000
    listed = (bundled_classifier / "SHA256SUMS").read_text().split()
    assert listed[1::2] == list(FILES)
    assert listed[::2] == [sha256(bundled_classifier / name) for name in FILES]
