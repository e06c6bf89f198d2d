import json
from pathlib import Path

from benchmarks.rewinds import Taken, pairs, row, spread, stretched
from server.settings import BUNDLED_MODEL
from tests.live.servers import Servers


def test_both_ways_are_measured_behind_the_same_length(servers: Servers) -> None:
    for banning in (True, False):
        found = servers.run(pairs(servers.engine, 16, 2, banning=banning))
        assert len(found) == 2
        assert all(0 < taken.first <= taken.more for pair in found for taken in pair)


def test_a_line_compares_pairs_and_not_medians() -> None:
    found = [(Taken(1.0, 2.0), Taken(2.0, 4.0)), (Taken(3.0, 3.0), Taken(4.0, 3.0)), (Taken(8.0, 9.0), Taken(8.0, 6.0))]
    assert row("16", found) == ["16", "3000.0", "4000.0", "0.75 (0.50 to 1.00)", "1.00 (0.50 to 1.50)"]


def test_a_spread_is_a_median_with_quartiles() -> None:
    assert spread([1.0, 2.0, 3.0]) == "2.00 (1.00 to 3.00)"


def test_a_stretched_model_has_more_positions_and_the_same_weights(tmp_path: Path) -> None:
    model = stretched(BUNDLED_MODEL, tmp_path / "long", 9000)
    assert json.loads((model / "config.json").read_text())["max_position_embeddings"] == 9000
    assert (model / "model.safetensors").stat().st_size == (BUNDLED_MODEL / "model.safetensors").stat().st_size
