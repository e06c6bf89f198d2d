import json
from pathlib import Path

import pytest

from evaluation.figures import Sample
from evaluation.pairs import pairs, write
from evaluation.summary import BySet
from tests.evaluation.builders import report, sample


def _guarded(index: int, text: str, toxicity: float = 0.1, action: str = "clean") -> Sample:
    return sample(toxicity, sample=index, mode="enforce", text=text, report=report(action))


def _sets(*guarded: Sample) -> BySet:
    off = [
        sample(0.9, sample=0, text=" foul 0"),
        sample(0.1, sample=1, text=" mild"),
        sample(0.5, sample=2, text=" foul 2"),
    ]
    return {"nontoxic": {"off": {"p1": off}, "enforce": {"p1": list(guarded)}}}


def test_a_rejected_text_is_paired_with_what_came_of_it() -> None:
    sets = _sets(_guarded(0, " good 0", action="rewound"), _guarded(1, " mild", 0.0), _guarded(2, " good 2"))
    assert list(pairs(sets)) == [
        {"prompt": "The river", "chosen": " good 0", "rejected": " foul 0"},
        {"prompt": "The river", "chosen": " good 2", "rejected": " foul 2"},
    ]


@pytest.mark.parametrize(
    "unfit",
    [
        _guarded(0, " still foul", 0.5),
        _guarded(0, " cut", action="truncated"),
        _guarded(0, " […]", action="masked"),
        _guarded(0, " let out", action="flagged"),
        _guarded(0, "  "),
    ],
)
def test_what_is_not_fit_to_be_chosen_gives_way_to_the_cleanest(unfit: Sample) -> None:
    found = list(pairs(_sets(unfit, _guarded(1, " mild", 0.05), _guarded(2, " good 2"))))
    assert [pair["chosen"] for pair in found] == [" mild", " good 2"]


def test_several_unguarded_modes_do_not_double_the_pairs() -> None:
    sets = _sets(_guarded(0, " good 0"))
    sets["nontoxic"]["monitor"] = sets["nontoxic"]["off"]
    assert len(list(pairs(sets))) == 2


def test_without_a_text_to_choose_there_is_no_pair() -> None:
    assert list(pairs(_sets(_guarded(0, "", action="refused")))) == []


def test_only_its_owner_may_read_the_file_even_if_it_was_there(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text("old\n" * 1000)
    path.chmod(0o644)
    assert write(path, _sets(_guarded(0, " good \u2028 0"))) == 2
    assert path.stat().st_mode & 0o777 == 0o600
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [set(line) for line in lines] == [{"prompt", "chosen", "rejected"}] * 2
