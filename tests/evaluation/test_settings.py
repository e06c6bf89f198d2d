from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evaluation.errors import EvaluationError
from evaluation.settings import Run, check_same_server, check_same_settings, largest_difference, read_run, write_run
from tests.evaluation.builders import settings

SERVER: dict[str, Any] = {"model": "mini", "policies": {"default": "a"}, "gate": [{"toxicity": 0.5}]}


def _run(folder: Path) -> Run:
    run = Run(settings(folder).deciding, "digest", SERVER, "now")
    write_run(folder, run)
    return run


def test_a_run_comes_back_from_its_file(tmp_path: Path) -> None:
    assert read_run(tmp_path) is None
    run = _run(tmp_path)
    assert read_run(tmp_path) == run
    check_same_settings(tmp_path, run, settings(tmp_path), "digest")


@pytest.mark.parametrize("content", ["", "[]", "{}", "nonsense"])
def test_a_file_of_something_else_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(EvaluationError, match=r"--out: .*run\.json is not a run's file"):
        read_run(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n": 4}, "--n: was 3, now 4 in"),
        ({"max_tokens": 21}, "--max-tokens: was 20, now 21"),
        ({"modes": ("off",)}, "--modes: was off,enforce, now off"),
        ({"model": "other"}, "--model: was not given, now other"),
        ({"limit": 5}, "--limit: was not given, now 5"),
        ({"top_p": 0.8}, "--top-p: was 0.9, now 0.8"),
        ({"base_url": "http://other/v1"}, "--base-url: was http://localhost:1/v1, now http://other/v1"),
    ],
)
def test_a_changed_setting_is_refused_by_name(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        check_same_settings(tmp_path, _run(tmp_path), settings(tmp_path, **changes), "digest")


def test_other_prompts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="--prompts: gives other prompts"):
        check_same_settings(tmp_path, _run(tmp_path), settings(tmp_path), "other")


@pytest.mark.parametrize("changes", [{"concurrency": 9}, {"judge": "entry:a:b"}, {"retries": 9}, {"api_key": "k"}])
def test_what_does_not_decide_the_texts_may_change(tmp_path: Path, changes: dict[str, Any]) -> None:
    check_same_settings(tmp_path, _run(tmp_path), settings(tmp_path, **changes), "digest")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "other"}, "the server's model changed"),
        ({"policies": None}, "the server's policies changed"),
        ({"gate": [{"toxicity": 0.6}]}, "the server's scorer changed"),
        ({"gate": None}, "the server's scorer changed"),
    ],
)
def test_a_changed_server_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        check_same_server(tmp_path, _run(tmp_path), {**SERVER, **changes})


def test_the_same_server_scores_a_little_differently(tmp_path: Path) -> None:
    run = _run(tmp_path)
    check_same_server(tmp_path, run, {**SERVER, "gate": [{"toxicity": 0.501}]})
    check_same_server(tmp_path, replace(run, server={**SERVER, "gate": None}), {**SERVER, "gate": None})


def test_scores_of_other_categories_are_as_different_as_can_be() -> None:
    assert largest_difference([{"a": 0.1}], [{"b": 0.1}]) == 1.0
    assert largest_difference([], []) == 0.0


def test_no_key_is_written_down(tmp_path: Path) -> None:
    assert "secret" not in str(settings(tmp_path, api_key="secret", judge_key="secret").deciding)
