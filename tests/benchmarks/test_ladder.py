import math
from pathlib import Path
from typing import Any, get_args

import pytest

from benchmarks import ladder
from benchmarks.compared import Drawn, policy_file
from evaluation.perplexity import LanguageModel
from server.policy import catalog
from server.policy.policy import Policy, Strategy
from server.settings import BUNDLED_MODEL


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return LanguageModel(str(BUNDLED_MODEL), "cpu")


def _drawn(action: str, flagged: int = 0, rewinds: int = 0, wasted: int = 0, text: str = " by the river") -> Any:
    report = {"action": action, "spans_flagged": flagged, "rewinds": rewinds, "tokens_discarded": wasted}
    return Drawn("The town lies", text, report)


def test_the_default_ladder_stands_first_then_every_rung_alone_then_what_was_asked_for() -> None:
    found = ladder.ladders(["mine=ban,steer"])
    assert list(found) == ["default", *(rung for rung in get_args(Strategy) if rung != "self"), "mine"]
    assert found["default"] == Policy().ladder and found["steer"] == ("steer",) and found["mine"] == ("ban", "steer")


@pytest.mark.parametrize("word", ["ban,steer", "mine=", "mine=jump", "=ban", "mine=self"])
def test_a_ladder_that_is_none_is_refused_with_the_rungs_there_are(word: str) -> None:
    with pytest.raises(ValueError, match=r"--ladder .*: expected NAME=RUNG,RUNG with rungs out of resample, ban"):
        ladder.ladders([word])


def test_the_policies_differ_in_their_ladder_alone(tmp_path: Path) -> None:
    every = ladder.ladders([])
    (tmp_path / "policies.yaml").write_text(policy_file(ladder.policies(every)))
    made = catalog.load(tmp_path / "policies.yaml")
    assert {name: policy.ladder for name, policy in made.policies.items()} == every
    bare = [policy.model_copy(update={"name": "any", "ladder": ()}) for policy in made.policies.values()]
    assert all(policy == bare[0] for policy in bare)


def test_a_row_tells_what_became_of_the_flagged_answers(model: LanguageModel) -> None:
    drawn = [
        _drawn("clean"),
        _drawn("rewound", flagged=1, rewinds=1, wasted=6),
        _drawn("rewound", flagged=3, rewinds=3, wasted=20),
        _drawn("refused", flagged=7, rewinds=6, wasted=40, text=""),
    ]
    name, rungs, flagged, repaired, rewinds, wasted, expected = ladder.row("mine", ("ban", "steer"), drawn, model)
    assert (name, rungs, flagged, repaired) == ("mine", "ban, steer", "3 of 4", "66.7%")
    assert (rewinds, wasted) == ("5.00", "33.0")  # of all flagged answers, for each that was repaired
    assert float(expected) == pytest.approx(ladder.perplexity(model, drawn[1:3]), abs=0.05)


def test_without_flags_a_row_says_so(model: LanguageModel) -> None:
    assert ladder.row("mine", ("ban",), [_drawn("clean")], model)[2:] == ("0 of 1", "0.0%", "0.00", "0.0", "nan")


def test_refused_answers_have_no_perplexity(model: LanguageModel) -> None:
    assert math.isnan(ladder.perplexity(model, [_drawn("refused", text="")]))
