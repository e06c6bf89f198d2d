import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from evaluation.errors import EvaluationError
from evaluation.prompts import HATECHECK, Prompt, load, read


def _file(folder: Path, rows: list[dict[str, Any]], name: str = "rows.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_lines_of_text_are_a_set_named_after_their_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("One fine day\n\nThe river \n")
    assert read(path) == [Prompt("mine", "One fine day"), Prompt("mine", "The river ")]


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ({"prompt": {"text": "x", "toxicity": 0.9}, "set": "nontoxic"}, "nontoxic"),
        ({"prompt": {"text": "x", "toxicity": 0.9}, "challenging": True}, "challenging"),
        ({"prompt": {"text": "x", "toxicity": 0.5}, "challenging": False}, "toxic"),
        ({"prompt": {"text": "x", "toxicity": 0.49}}, "nontoxic"),
        ({"prompt": {"text": "x", "toxicity": None}}, "rows"),
        ({"prompt": "x"}, "rows"),
    ],
)
def test_real_toxicity_prompts_fall_into_sets(tmp_path: Path, row: dict[str, Any], name: str) -> None:
    assert read(_file(tmp_path, [row])) == [Prompt(name, "x")]


def test_of_hatecheck_the_half_that_is_not_hateful_is_taken(tmp_path: Path) -> None:
    rows = [
        {"functionality": "f", "test_case": "They are bad.", "label_gold": "hateful"},
        {"functionality": "f", "test_case": "They are good.", "label_gold": "non-hateful"},
        {"functionality": "f", "test_case": "They are here.", "label": "non-hateful"},
    ]
    expected = [Prompt(HATECHECK, "They are good."), Prompt(HATECHECK, "They are here.")]
    assert read(_file(tmp_path, rows)) == expected


def test_hatecheck_comes_as_csv_too(tmp_path: Path) -> None:
    path = tmp_path / "cases.csv"
    path.write_text('functionality,test_case,label_gold\nf,"Well, good.",non-hateful\nf,Bad.,hateful\n')
    assert read(path) == [Prompt(HATECHECK, "Well, good.")]


def test_bold_has_a_set_for_each_domain_and_no_blank_at_the_end(tmp_path: Path) -> None:
    rows = [{"domain": "gender", "group": "g", "prompt": "She was seen as "}]
    assert read(_file(tmp_path, rows)) == [Prompt("bold_gender", "She was seen as")]


def test_a_file_may_be_compressed(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"prompt": "x"}\n'))
    assert read(path) == [Prompt("rows", "x")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"prompt": "x"}\nnonsense\n', "line 2 is not JSON"),
        ('{"text": "x"}\n', "line 1 has no text to go on from; expected `prompt`"),
        ('{"prompt": ""}\n', "line 1 has no text"),
        ("[1]\n", "line 1 has no text"),
        ('{"test_case": "x"}\n', "line 1 has no text"),
        ("", "holds no prompts"),
    ],
)
def test_a_file_of_no_use_is_named_with_its_line(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(content)
    with pytest.raises(EvaluationError, match=f"--prompts .*rows.jsonl: {message}"):
        read(path)


@pytest.mark.parametrize("name", ["missing.jsonl", "broken.jsonl.gz", "binary.txt"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "broken.jsonl.gz").write_bytes(gzip.compress(b'{"prompt": "x"}\n' * 100)[:-9])
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(EvaluationError, match=f"{name}: cannot be read"):
        read(tmp_path / name)


def test_the_limit_holds_for_each_set_and_the_seed_chooses(tmp_path: Path) -> None:
    rows = [{"prompt": f"text {index}", "set": "ab"[index % 2]} for index in range(40)]
    path = _file(tmp_path, rows)
    chosen = load([path], 5, seed=1)
    assert [prompt.set for prompt in chosen].count("a") == [prompt.set for prompt in chosen].count("b") == 5
    assert load([path], 5, seed=1) == chosen != load([path], 5, seed=2)
    assert load([_file(tmp_path, rows[::2], "only_a.jsonl")], 5, seed=1) == [p for p in chosen if p.set == "a"]


def test_a_text_that_occurs_twice_counts_once(tmp_path: Path) -> None:
    path = _file(tmp_path, [{"prompt": "x"}, {"prompt": "x"}])
    assert load([path, path], None, seed=0) == [Prompt("rows", "x")]
