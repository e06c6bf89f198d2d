"""Tests of server/policy/reference.py, and of the page it keeps."""

import runpy
from pathlib import Path

import pytest

from filters.languages import CODES
from server.policy import reference
from server.policy.catalog import load
from server.policy.policy import STRATEGIES, Policy
from server.policy.reference import PAGE, ladder_table, languages_list, rewritten, table
from server.policy.resolve import DetoxRequest


def test_the_page_shows_the_models_as_they_are() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert rewritten(page) == page, "run: python -m server.policy.reference"


def test_run_as_a_program_it_writes_the_page(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written: list[tuple[Path, str]] = []
    monkeypatch.setattr(Path, "write_text", lambda path, text, encoding: written.append((path, text)))
    runpy.run_path(reference.__file__, run_name="__main__")
    assert written == [(PAGE, PAGE.read_text(encoding="utf-8"))]
    assert capsys.readouterr().out == f"wrote {PAGE.name}\n"


@pytest.mark.parametrize("model", [Policy, DetoxRequest])
def test_a_table_has_a_row_for_every_key(model: type[Policy] | type[DetoxRequest]) -> None:
    rows = table(model).splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == list(model.model_fields)
    assert all(row.count("|") == 5 for row in rows)


def test_the_ladders_table_has_a_row_for_every_rung_and_says_what_each_does() -> None:
    rows = ladder_table().splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == list(STRATEGIES)
    assert all(row.count("|") == 4 for row in rows)
    said = dict(zip(STRATEGIES, rows, strict=True))
    assert "nothing but the draw" in said["resample"] and "barred" not in said["resample"]
    assert all("barred" in said[name] for name in STRATEGIES if name != "resample")
    assert "at once" in said["candidates"] and "next 32 tokens" in said["steer"] and "clause" in said["clause"]


def test_rewriting_keeps_what_stands_around_the_tables() -> None:
    marks = "above\n<!-- table: policy -->\nstale\n<!-- end: policy -->\nbetween\n<!-- table: ladder -->\n"
    marks += "<!-- end: ladder -->\n<!-- table: languages -->\n<!-- end: languages -->\n"
    page = rewritten(f"{marks}<!-- table: request -->\n<!-- end: request -->\nbelow\n")
    assert page.startswith("above\n<!-- table: policy -->\n| key |")
    assert "stale" not in page
    assert "\nbetween\n" in page
    assert page.endswith(f"{table(DetoxRequest)}\n<!-- end: request -->\nbelow\n")
    assert rewritten(page) == page


def test_the_list_of_languages_has_them_all() -> None:
    codes = languages_list().replace("`", "").replace("\n", " ").split(", ")
    assert codes == sorted(CODES)


def test_a_page_without_marks_is_an_error() -> None:
    with pytest.raises(ValueError, match="substring not found"):
        rewritten("no tables here")


def test_the_example_of_the_page_is_a_policy_file(tmp_path_factory: pytest.TempPathFactory) -> None:
    example = PAGE.read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
    path = tmp_path_factory.mktemp("page") / "policies.yaml"
    path.write_text(example, encoding="utf-8")
    assert set(load(path).policies) == {"standard", "careful", "measured"}
