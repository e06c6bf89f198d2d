import json
from pathlib import Path
from typing import Any

import pytest

from evaluation.errors import EvaluationError
from evaluation.phases import brief, evaluate
from evaluation.settings import Settings
from tests.evaluation.builders import prompts_file, settings
from tests.evaluation.fake import FOUL, GATE, MODEL, Fake

JUDGE = "entry:tests.evaluation.fake:judge"


def _settings(fake: Fake, folder: Path, **changes: Any) -> Settings:
    kept = {"base_url": fake.url, "prompts": (prompts_file(folder),), "n": 9, "per_request": 9, "judge": JUDGE}
    return settings(folder / "out", **{**kept, **changes})


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_run_writes_every_file_and_its_figures_are_right(fake: Fake, tmp_path: Path) -> None:
    chosen = _settings(fake, tmp_path, pairs_out=tmp_path / "pairs.jsonl")
    found = evaluate(chosen)
    off, enforce = (found["sets"]["mild"]["modes"][mode]["figures"] for mode in ("off", "enforce"))
    assert (off["toxicity_probability"]["value"], enforce["toxicity_probability"]["value"]) == (1.0, 0.0)
    assert off["toxic_rate"]["value"] == pytest.approx(1 / 3)
    assert enforce["refusals"]["value"] == pytest.approx(1 / 9)
    assert enforce["waste"]["value"] == pytest.approx(9 / (9 * 6 + 9))
    assert json.loads((chosen.out / "summary.json").read_text()) == found
    assert len(_lines(chosen.out / "generations.jsonl")) == len(_lines(chosen.out / "judged.jsonl")) == 4 * 9 * 2
    assert len(_lines(tmp_path / "pairs.jsonl")) == 4 * 3
    assert (chosen.out / "generations.jsonl").stat().st_mode & 0o777 == 0o600
    assert (found["gate"], found["judge"], found["run"]["server"]["model"]) == ([GATE], JUDGE, MODEL)
    assert "is not the gate" in found["independence"]


def test_the_report_holds_no_text(fake: Fake, tmp_path: Path) -> None:
    chosen = _settings(fake, tmp_path)
    evaluate(chosen)
    assert FOUL in (chosen.out / "generations.jsonl").read_text()
    for name in ("report.html", "summary.json", "run.json", "judged.jsonl"):
        assert FOUL not in (chosen.out / name).read_text()
        assert "On day number" not in (chosen.out / name).read_text()


def test_an_interrupted_run_goes_on_and_comes_to_the_same(fake: Fake, tmp_path: Path) -> None:
    whole = evaluate(_settings(fake, tmp_path))
    journal = tmp_path / "out" / "generations.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(lines[:30]) + lines[30][:40])
    fake.asked.clear()
    again = evaluate(_settings(fake, tmp_path))
    assert 0 < len(fake.asked) < 8
    for mode in ("off", "enforce"):
        figures = [found["sets"]["mild"]["modes"][mode]["figures"] for found in (whole, again)]
        for key in ("toxicity_probability", "distinct_1", "refusals"):
            assert figures[0][key] == figures[1][key]


def test_a_whole_run_is_judged_anew_without_its_server(fake: Fake, tmp_path: Path) -> None:
    evaluate(_settings(fake, tmp_path, judge=None))
    fake.asked.clear()
    fake.may_loosen, fake.failures = False, [500] * 99
    found = evaluate(_settings(fake, tmp_path, judge="entry:tests.evaluation.fake:gate"))
    assert fake.asked == []
    assert " IS the gate" in found["independence"]


def test_a_changed_setting_is_refused_before_anything_is_asked(fake: Fake, tmp_path: Path) -> None:
    evaluate(_settings(fake, tmp_path))
    fake.asked.clear()
    with pytest.raises(EvaluationError, match="--n: was 9, now 10"):
        evaluate(_settings(fake, tmp_path, n=10))
    (tmp_path / "other.txt").write_text("Another day\n")
    with pytest.raises(EvaluationError, match="--prompts: gives other prompts"):
        evaluate(_settings(fake, tmp_path, prompts=(tmp_path / "other.txt",)))
    assert fake.asked == []


def test_a_server_that_changed_is_refused(fake: Fake, tmp_path: Path) -> None:
    evaluate(_settings(fake, tmp_path))
    (tmp_path / "out" / "generations.jsonl").write_text("")
    fake.policies = {"default": "other", "data": []}
    with pytest.raises(EvaluationError, match="the server's policies changed"):
        evaluate(_settings(fake, tmp_path))


def test_a_judge_that_is_none_shows_before_anything_is_asked(fake: Fake, tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="--judge nobody"):
        evaluate(_settings(fake, tmp_path, judge="nobody"))
    assert fake.asked == []


def test_lines_that_are_no_generations_are_named(fake: Fake, tmp_path: Path) -> None:
    evaluate(_settings(fake, tmp_path))
    (tmp_path / "out" / "generations.jsonl").write_text('{"set": "a"}\n')
    with pytest.raises(EvaluationError, match="holds a line that is no generation"):
        evaluate(_settings(fake, tmp_path))


def test_generations_of_an_unknown_run_are_not_added_to(fake: Fake, tmp_path: Path) -> None:
    evaluate(_settings(fake, tmp_path))
    (tmp_path / "out" / "run.json").unlink()
    with pytest.raises(EvaluationError, match=r"is there without its run\.json"):
        evaluate(_settings(fake, tmp_path))


def test_any_other_server_is_evaluated_as_it_is(fake: Fake, tmp_path: Path) -> None:
    fake.unsay = False
    found = evaluate(_settings(fake, tmp_path, modes=("plain",)))
    assert found["sets"]["mild"]["modes"]["plain"]["figures"]["toxicity_probability"]["value"] == 1.0
    assert found["gate"] == []
    assert "Not known" in found["independence"]
    assert all("detox" not in request for request in fake.asked)


@pytest.mark.slow
def test_perplexity_is_that_of_the_named_model(fake: Fake, tmp_path: Path) -> None:
    folder = Path(__file__).resolve().parents[2] / "models" / "language_model"
    found = evaluate(_settings(fake, tmp_path, n=2, per_request=2, judge=None, perplexity=str(folder)))
    assert found["perplexity"].startswith("language_model@")
    figures = found["sets"]["mild"]["modes"]["off"]["figures"]
    assert 1 < figures["perplexity"]["low"] <= figures["perplexity"]["value"] <= figures["perplexity"]["high"]


def test_in_brief_there_is_a_line_for_each_set_and_mode(fake: Fake, tmp_path: Path) -> None:
    lines = brief(evaluate(_settings(fake, tmp_path))).splitlines()
    assert lines[2].startswith("| mild | off | 1 | 0.8 | 0 | - |")
    assert lines[3].startswith("| mild | enforce | 0 | 0.1 | 0.1111 | - |")
