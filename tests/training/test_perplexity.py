import lzma
import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.training.language_models import SHAPE, write_language_model
from tests.training.texts import write_collection
from training import perplexity
from training.setting import Setting


@pytest.fixture
def setting(tmp_path: Path) -> Iterator[Setting]:
    """An untrained model, and a collection that holds out more than a window of encyclopedia."""
    data = write_collection(tmp_path)
    with lzma.open(data / "wikipedia_en_slice.txt.xz", "wt", encoding="utf-8") as file:
        file.write("\n\n".join(f"Number {n}. " + "The women of Riga read every day. " * 8 for n in range(400)))
    yield Setting(data=data, language_model=write_language_model(tmp_path / "model"), held_out_tokens=1_100)


def test_an_untrained_model_foretells_no_better_than_by_chance(setting: Setting) -> None:
    found = {part.source: part for part in perplexity.measure(setting.language_model, setting.data, 1_100)}
    assert list(found) == ["encyclopedia", "dialogues", "textbooks", "speeches", "comments"]
    assert found["encyclopedia"].tokens == 1_100
    assert found["encyclopedia"].perplexity == pytest.approx(SHAPE.vocabulary, rel=0.5)
    assert found["encyclopedia"].bits > 1


def test_bits_do_not_depend_on_how_the_text_is_cut_into_tokens() -> None:
    assert perplexity.bits(16.0, tokens=50, characters=100) == 2.0
    assert perplexity.bits(4.0, tokens=100, characters=100) == 2.0
    assert math.isnan(perplexity.bits(4.0, tokens=0, characters=0))


def test_each_source_has_a_row(setting: Setting) -> None:
    heading, table, _ = perplexity.blocks(setting)
    assert heading == "## Language model: held-out perplexity"
    assert "| encyclopedia | 1,100 |" in table
    assert len(table.splitlines()) == 7
