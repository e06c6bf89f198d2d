import json
from pathlib import Path

import pytest

from filters.scorers import versions
from filters.scorers.heads import nothing
from filters.scorers.state import State, read_state, write_state
from filters.scorers.versions import save
from learning.errors import LearnError
from learning.promotion import promote, report, roll_back

OWN = ("toxicity",)


def version(folder: Path, passed: bool = True, kind: str = "feedback") -> str:
    tests = [{"name": "benign", "passed": passed}]
    return save(folder, nothing(4), OWN, {"kind": kind, "classifier_sha256": "ab", "tests": tests}, "# {name}")


def test_a_candidate_is_promoted_and_taken_back_in_one_step_each(tmp_path: Path) -> None:
    first, second = version(tmp_path), version(tmp_path, kind="other")
    write_state(tmp_path, State(candidate=first, share=0.1))
    assert promote(tmp_path, None) == State(current=first, share=0.1)
    assert promote(tmp_path, second) == State(current=second, before=first, share=0.1)
    assert roll_back(tmp_path) == read_state(tmp_path) == State(current=first, share=0.1)
    assert roll_back(tmp_path).current is None
    with pytest.raises(LearnError, match="nothing learned is in force"):
        roll_back(tmp_path)


def test_what_cannot_be_promoted_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(LearnError, match="there is no candidate"):
        promote(tmp_path, None)
    failed = version(tmp_path, passed=False)
    with pytest.raises(LearnError, match=f"{failed} has failed benign: it cannot be promoted"):
        promote(tmp_path, failed)
    write_state(tmp_path, State(current=failed))
    with pytest.raises(LearnError, match="is in force already"):
        promote(tmp_path, failed)


def test_the_report_adds_up_what_all_servers_have_seen(tmp_path: Path) -> None:
    assert report(tmp_path) == ["in force: the classifier alone", "candidate: none"]
    name = version(tmp_path)
    write_state(tmp_path, State(candidate=name, share=0.1))
    seen = tmp_path / "shadow" / name
    seen.mkdir(parents=True)
    for number, more in enumerate((1, 2)):
        said = {"counts": {"neither": 10, "candidate": more}, "differences": [["toxicity", 0.1, 0.8]] * more}
        (seen / f"{number}.json").write_text(json.dumps(said))
    (seen / "broken.json").write_text("{")
    assert report(tmp_path) == [
        "in force: the classifier alone",
        f"candidate: {name}, beside it on 10% of the traffic",
        "  flagged by neither: 20",
        "  flagged by both: 0",
        "  flagged by what is in force alone: 0",
        "  flagged by the candidate alone: 3",
        "  toxicity: 3 differences kept, mean score 0.10 -> 0.80",
    ]


def test_names_are_numbered(tmp_path: Path) -> None:
    assert [version(tmp_path)[:5], version(tmp_path)[:5]] == ["0001-", "0002-"]
    assert len(versions.names(tmp_path)) == 2
