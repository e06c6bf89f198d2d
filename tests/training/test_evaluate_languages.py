"""Figures by language, of a scorer that knows one word."""

from pathlib import Path

import pytest

from filters.scorers.scripted import ScriptedScorer
from tests.training.texts import write_rows
from training.evaluate_languages import HATECHECK, LABELLED, figures
from training.examples import CATEGORIES


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten cases in each of two languages, and a source of 2,000 texts of which some 200 are held out."""
    rows = [
        {"text": f"{'idiota' if at < 4 else 'amigo'} {at}", "hateful": int(at < 5), "lang": language}
        for language in ("es", "it")
        for at in range(10)
    ]
    write_rows(
        tmp_path / HATECHECK, [{**row, "functionality": "derog_h" if row["hateful"] else "pos_nh"} for row in rows]
    )
    labelled = [
        {"text": f"{'idiota' if at % 2 else 'amigo'} {at}", "toxic": at % 2, "lang": "de", "source": "germeval2018"}
        for at in range(2_000)
    ]
    write_rows(tmp_path / LABELLED, labelled)
    return tmp_path


def test_each_language_has_its_figures_and_each_source_what_is_held_out(folder: Path) -> None:
    found = {(f.group, f.name): f for f in figures(ScriptedScorer({"idiota": 0.9}, categories=CATEGORIES), folder)}
    for language in ("es", "it"):
        group = f"Multilingual HateCheck {language}"
        assert found[group, "AUC toxicity"].value == pytest.approx(0.9)
        assert found[group, "AUC toxicity"].is_met
        assert found[group, "hateful flagged"].value == 0.8
        assert found[group, "non-hateful flagged"].value == 0.0
    assert found["Multilingual HateCheck, all languages", "flagged: derog_h"].texts == 10
    held_out = found["Held out, by source and language", "AUC germeval2018/de"]
    assert held_out.value == 1.0 and held_out.goal == 0.85 and 100 < held_out.texts < 300
