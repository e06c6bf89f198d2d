import time
from pathlib import Path

import pytest

from evaluation.errors import EvaluationError
from evaluation.judges import ModerationsJudge, checked, load, toxicity
from filters.scorers.detoxify import DetoxifyScorer
from tests.evaluation.fake import CLEAN, FOUL, Fake

HERE = "tests.evaluation.fake"


def test_a_classifier_is_known_by_its_weights(bundled_classifier: Path, detoxify_scorer: DetoxifyScorer) -> None:
    judge = load(f"detoxify:{bundled_classifier}")
    texts = ["You are a fool.", "The river runs to the sea."]
    assert judge.name.startswith("detoxify:classifier@")
    expected = [scores["toxicity"] for scores in detoxify_scorer.score(texts)]
    assert judge.judge(texts) == pytest.approx(expected, abs=1e-4)
    assert judge.judge([]) == []


def test_a_moderations_endpoint_counts_with_its_highest_category(fake: Fake) -> None:
    judge = load(f"moderations:{fake.url}")
    assert judge.name == load(f"moderations:{fake.url}/moderations").name
    assert judge.judge([f"a {FOUL}", CLEAN, ""]) == [0.9, 0.024, 0.01]


def test_a_function_of_ones_own_is_called() -> None:
    assert load(f"entry:{HERE}:judge").judge([f"a {FOUL}", CLEAN]) == [0.8, 0.1]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("unbiased", "expected detoxify:NAME|PATH, moderations:URL or entry:MODULE:FUNCTION"),
        ("oracle:x", "expected detoxify:NAME|PATH"),
        ("detoxify:", "expected detoxify:NAME|PATH"),
        pytest.param(
            *("detoxify:nowhere", "--judge detoxify:nowhere: expected a checkpoint file"), marks=pytest.mark.slow
        ),
        (
            "entry:no.such.module:judge",
            "--judge entry:no.such.module:judge: No module named 'no'; expected MODULE:FUNCTION",
        ),
        (f"entry:{HERE}:nobody", "has no attribute 'nobody'"),
        (f"entry:{HERE}:FOUL", "is not a function"),
        ("entry::judge", "expected MODULE:FUNCTION"),
    ],
)
def test_a_judge_that_is_none_is_named(spec: str, message: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        load(spec)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("url", "message"),
    [("{}/nowhere", "answered 404; is the URL right"), ("localhost:8000", "expected a URL like")],
)
def test_an_endpoint_that_is_none_is_named(fake: Fake, url: str, message: str) -> None:
    with pytest.raises(EvaluationError, match=f"--judge moderations:.*{message}"):
        load(f"moderations:{url.format(fake.url)}").judge(["x"])


def test_an_endpoint_is_tried_again_and_patience_ends(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    naps: list[float] = []
    monkeypatch.setattr(time, "sleep", naps.append)
    fake.judge_failures = [503, 429]
    assert ModerationsJudge(fake.url, None).judge([CLEAN]) == [0.024]
    assert naps == [1.0, 1.0]  # as the server says
    fake.judge_failures = [503] * 6
    with pytest.raises(EvaluationError, match="answered 503"):
        ModerationsJudge(fake.url, None).judge([CLEAN])
    with pytest.raises(EvaluationError, match=r"no answer \(ConnectError\); is the server running"):
        ModerationsJudge("http://127.0.0.1:9/v1", None).judge([CLEAN])
    assert len(naps) == 2 + 5 + 5 and not fake.judge_failures


def test_an_endpoint_of_another_shape_is_named(fake: Fake) -> None:
    fake.judge_failures = [200]
    with pytest.raises(EvaluationError, match="does not answer as OpenAI's moderations do"):
        load(f"moderations:{fake.url}").judge(["x"])


@pytest.mark.parametrize("scores", [[0.1], [0.1, 1.2], [0.1, float("nan")], ["a", "b"], None, [0.1, 0.2, 0.3]])
def test_scores_that_are_none_are_refused(scores: object) -> None:
    with pytest.raises(EvaluationError, match="expected a number from 0 to 1 for each of 2 texts"):
        checked("entry:x", ["a", "b"], scores)


def test_toxicity_is_the_category_of_that_name_or_the_highest() -> None:
    assert toxicity({"toxicity": 0.2, "insult": 0.9}) == 0.2
    assert toxicity({"hate": 0.2, "violence": 0.9}) == 0.9
