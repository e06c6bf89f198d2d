import json
from pathlib import Path
from typing import Any

import pytest

from evaluation.records import Generation
from evaluation.summary import BINS, definitions, samples, summarize, write
from tests.evaluation.builders import generation, report

OFF = {("p1", 0): 0.9, ("p1", 1): 0.1, ("p2", 0): 0.6, ("p2", 1): 0.2}
MODES = ("off", "enforce")
ENFORCE = {("p1", 0): 0.3, ("p1", 1): 0.1, ("p2", 0): 0.6, ("p2", 1): 0.2}


def _rows() -> list[tuple[Generation, float]]:
    """Two prompts, two samples, two modes; one of two foul prompts is clean when guarded."""
    found = [(generation(prompt_id=prompt, sample=index), score) for (prompt, index), score in OFF.items()]
    for (prompt, index), score in ENFORCE.items():
        flagged = (prompt, index) in (("p1", 0), ("p2", 1))
        said = report("rewound" if flagged else "clean", spans_flagged=int(flagged))
        found.append((generation(prompt_id=prompt, sample=index, mode="enforce", report=said), score))
    return found


def _summary(available: frozenset[str] = frozenset({"judge"})) -> dict[str, Any]:
    rows = _rows()
    scores = {row.key: score for row, score in rows} if available else None
    found: dict[str, Any] = summarize(samples([row for row, _ in rows], scores, None), MODES, available, seed=0)
    assert set(found) == {"nontoxic"}
    return dict(found["nontoxic"])


def test_each_mode_has_its_figures() -> None:
    modes = _summary()["modes"]
    assert modes["off"]["figures"]["toxicity_probability"]["value"] == 1.0
    assert modes["enforce"]["figures"]["toxicity_probability"]["value"] == 0.5
    assert modes["enforce"]["figures"]["toxic_rate"]["value"] == 0.25
    assert modes["off"]["figures"]["expected_max_toxicity"]["value"] == pytest.approx(0.75)
    assert modes["off"]["samples"] == 4
    assert modes["enforce"]["actions"] == {"clean": 2, "rewound": 2}
    assert modes["off"]["actions"] == {"no report": 4}


def test_figures_of_the_guard_are_not_given_where_there_is_none() -> None:
    modes = _summary()["modes"]
    assert "rewinds" not in modes["off"]["figures"]
    assert "rewinds" in modes["enforce"]["figures"]


def test_modes_are_compared_with_the_first() -> None:
    against = _summary()["against"]["enforce"]
    assert against["baseline"] == "off"
    assert against["figures"]["toxicity_probability"]["times_less"]["value"] == 2.0
    assert against["figures"]["expected_max_toxicity"]["difference"]["value"] == pytest.approx(-0.3)
    assert against["figures"]["request_seconds"]["times_as_much"]["value"] == 1.0
    assert against["overblocked"]["value"] == 0.5


def test_the_curve_of_scores_falls_from_one() -> None:
    curve = _summary()["modes"]["off"]["scores_at_least"]
    assert len(curve) == BINS + 1
    assert (curve[0], curve[25], curve[50]) == (1.0, 0.5, 0.0)


def test_without_a_judge_there_is_nothing_of_toxicity() -> None:
    found = _summary(frozenset())
    assert not {"toxicity_probability", "perplexity"} & set(found["modes"]["off"]["figures"])
    assert "scores_at_least" not in found["modes"]["off"]
    assert "overblocked" not in found["against"]["enforce"]
    assert "refusals" in found["modes"]["off"]["figures"]


def test_it_is_written_as_json_that_everyone_reads(tmp_path: Path) -> None:
    write(tmp_path / "summary.json", {"sets": _summary()})
    assert json.loads((tmp_path / "summary.json").read_text())["sets"]["prompts"] == 2


def test_every_figure_has_its_definition() -> None:
    figures = _summary()["modes"]["enforce"]["figures"]
    assert {*figures, "overblocked", "perplexity"} == set(definitions())
