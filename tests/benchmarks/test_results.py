import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks import measures, results
from tests.benchmarks.builders import ABOUT, figures, settings


def _found() -> dict[str, float]:
    pairs = [(figures(100), figures(93, waste=0.04, held_ms=21.0)), (figures(200), figures(190))]
    return measures.of_cell("clean.c8", pairs) | measures.of_cell("open", pairs) | measures.of_lengths(pairs, pairs)


def test_the_file_is_flat_but_for_what_was_measured(tmp_path: Path) -> None:
    results.write(tmp_path, _found(), results.meta(settings(), ABOUT))
    read = json.loads((tmp_path / "latest.json").read_text())
    meta = read.pop("meta")
    assert all(isinstance(value, float) for value in read.values())
    assert read["clean.c8.throughput_ratio"] == 0.94
    assert {"clean.c8.throughput_ratio_low", "clean.c8.throughput_ratio_high"} <= read.keys()
    assert {"date", "machine", "versions", "policy", "settings"} <= meta.keys()
    assert meta["versions"]["vllm"] == "0.32.0"


def test_no_figure_is_written_that_json_does_not_know(tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        results.write(tmp_path, {"x.throughput_ratio": float("nan")}, {})


def test_every_cell_has_a_line_in_its_order() -> None:
    head, rule, clean, opened = results.brief(_found()).splitlines()
    assert head.count("|") == rule.count("|") == clean.count("|") == opened.count("|")
    assert clean.startswith("| clean, 8 streams | 150 | 0.94 (0.9") and "4.0%" in clean
    assert opened.startswith("| open | ")


def test_what_a_cell_does_not_have_is_a_dash() -> None:
    line = results.brief(measures.of_cell("noop.c1", [(figures(), figures())])).splitlines()[-1]
    assert line.rstrip(" |").endswith("- | - | -")


def test_the_page_says_of_what_it_is() -> None:
    page = results.page(_found(), results.meta(settings(), ABOUT))
    assert "vLLM 0.32.0" in page and "per token cost ratio: 1.00 (1.00 to 1.00)" in page and "latest.svg" in page


def test_the_plot_is_an_image_of_its_own() -> None:
    root = ElementTree.fromstring(results.plot(_found()))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert {"clean.c8", "open"} <= {"".join(node.itertext()) for node in root.iter() if node.tag.endswith("text")}
