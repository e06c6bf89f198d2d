from evaluation.independence import PROBES, told
from evaluation.judges import load
from tests.evaluation.fake import score

GATE = [{"toxicity": score(text), "insult": 0.01} for text in PROBES]


def test_the_gate_as_judge_is_found_out_by_what_it_says() -> None:
    said = told(load("entry:tests.evaluation.fake:gate"), GATE, ["scripted-gate"])
    assert "The judge (entry:tests.evaluation.fake:gate) IS the gate (scripted-gate)" in said
    assert "Take another" in said


def test_a_gate_that_judges_by_its_highest_category_is_found_out_too() -> None:
    gate = [{"toxicity": 0.0, "insult": score(text)} for text in PROBES]
    assert " IS the gate" in told(load("entry:tests.evaluation.fake:gate"), gate, [])


def test_another_judge_is_told_apart() -> None:
    assert "is not the gate (scripted-gate)" in told(load("entry:tests.evaluation.fake:judge"), GATE, ["scripted-gate"])


def test_without_the_gates_scores_it_is_not_known() -> None:
    assert told(load("entry:tests.evaluation.fake:judge"), None, []).startswith("Not known whether")
