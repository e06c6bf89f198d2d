from pathlib import Path
from typing import Any

import pytest

from benchmarks import ablation
from benchmarks.compared import Drawn, policy_file
from reporting.statistics import draws
from server.policy import catalog


def _drawn(action: str, flagged: int = 0, rewinds: int = 0, dropped: int = 0, drafted: int = 50) -> Drawn:
    counts = {"spans_flagged": flagged, "rewinds": rewinds, "tokens_discarded": dropped, "tokens_generated": drafted}
    return Drawn("The town lies", " by the river", {"action": action, **counts})


def test_the_policies_differ_in_their_use_of_the_probe_alone(tmp_path: Path) -> None:
    (tmp_path / "policies.yaml").write_text(policy_file({**ablation.USES, **ablation.RUNGS}))
    made = catalog.load(tmp_path / "policies.yaml").policies
    used = {name: (policy.probe_clears, policy.probe_alarms) for name, policy in made.items()}
    assert list(used) == [*ablation.USES, "ban", "self"]
    assert {used[name] for name in ablation.USES} == {(False, False), (True, False), (False, True), (True, True)}
    assert {name: (made[name].ladder, used[name]) for name in ("ban", "self")} == {
        "ban": (("ban",), (False, False)),
        "self": (("self",), (False, False)),
    }
    same: dict[str, Any] = {"name": "any", "probe_clears": True, "probe_alarms": True, "ladder": ("ban",)}
    assert len({repr(policy.model_copy(update=same)) for policy in made.values()}) == 1


def test_a_row_tells_flags_refusals_repairs_tries_and_waste() -> None:
    drawn = [
        _drawn("clean"),
        _drawn("rewound", flagged=1, rewinds=1, dropped=10),
        _drawn("rewound", flagged=3, rewinds=3, dropped=20),
        _drawn("refused", flagged=7, rewinds=6, dropped=70, drafted=100),
    ]
    name, answers, *figures = ablation.row("self", drawn, 2, draws(2, 0))
    assert (name, answers) == ("self", "4")
    assert [each.split(" ")[0] for each in figures] == ["75.0%", "25.0%", "66.7%", "3.33", "40.0%"]
    assert figures[0] == "75.0% (50.0% to 100.0%)"


def test_an_answer_without_a_report_is_no_figure() -> None:
    with pytest.raises(KeyError):
        ablation.row("ban", [Drawn("The", " town", {})], 1, draws(1, 0))
