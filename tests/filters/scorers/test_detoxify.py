import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from detoxify import Detoxify
from hypothesis import given
from hypothesis import strategies as st

from filters.scorer import EXACT, ScorerLoadError, Scores, ThresholdValues
from filters.scorers.detoxify import DetoxifyScorer
from filters.scorers.heads import nothing, with_category, with_correction
from filters.scorers.passes import Passes, passes
from filters.scorers.shadow import Shadow
from filters.scorers.taught import Taught
from server.policy.policy import DEFAULT_THRESHOLDS
from tests.filters.scorers.bundled import BUNDLED_CLASSIFIER
from tests.filters.scorers.conftest import POSITIONS, write_tiny
from tests.filters.scorers.test_passes import Ticks
from tests.properties import examples

WORDS = ["you", "idiot", "nice", "day", "the", "garden", "hello"]


def at(threshold: float) -> ThresholdValues:
    return dict.fromkeys(DEFAULT_THRESHOLDS, threshold)


def test_it_scores_what_detoxify_itself_predicts(
    detoxify_scorer: DetoxifyScorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(BUNDLED_CLASSIFIER.parents[1])
    real = Detoxify(checkpoint="models/classifier/detoxify.ckpt", huggingface_config_path="models/classifier")
    texts = ["You idiot", "A nice day", "Go away, fool, and never come back to this garden"]
    predicted = real.predict(texts)
    for index, scores in enumerate(detoxify_scorer.score(texts)):
        assert scores == pytest.approx({name: values[index] for name, values in predicted.items()}, abs=1e-4)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> DetoxifyScorer:
    """The tiny classifier, loaded once."""
    return DetoxifyScorer.load(str(write_tiny(tmp_path_factory.mktemp("module"), BUNDLED_CLASSIFIER)))


def by_hand(scorer: DetoxifyScorer, text: str) -> Scores:
    """The highest scores over windows of the text's tokens, each read alone."""
    ids = scorer._tokenizer(text, add_special_tokens=False).input_ids
    size = POSITIONS - 2
    starts = range(0, max(len(ids) - size // 2, 1), size - size // 2)
    cls, sep = scorer._tokenizer("").input_ids
    with torch.inference_mode():
        rows = [
            torch.sigmoid(scorer._model(input_ids=torch.tensor([[cls, *ids[at : at + size], sep]])).logits[0, :3])
            for at in starts
        ]
    return dict(zip(scorer.categories, torch.stack(rows).amax(0).tolist(), strict=True))


@examples(25)
@given(texts=st.lists(st.lists(st.sampled_from(WORDS), max_size=80).map(" ".join), min_size=1, max_size=5))
def test_a_long_text_is_read_whole_in_overlapping_pieces(tiny: DetoxifyScorer, texts: list[str]) -> None:
    for text, scores in zip(texts, tiny.score(texts), strict=True):
        assert scores == pytest.approx(by_hand(tiny, text), abs=1e-4)


def test_categories_have_their_standard_names_and_further_outputs_are_left_out(tiny: DetoxifyScorer) -> None:
    assert tiny.categories == ("toxicity", "insult", "threat")


def test_half_precision_weights_are_computed_with_in_single_precision(tiny: DetoxifyScorer) -> None:
    assert {weight.dtype for weight in tiny._model.parameters()} == {torch.float32}


def test_it_loads_a_file_or_a_folder_from_anywhere_and_leaves_nothing_behind(
    tiny_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tiny_folder()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.setattr(tempfile, "tempdir", str(elsewhere))
    for path in ("../tiny", "../tiny/model.ckpt", str(folder)):
        scorer = DetoxifyScorer.load(path)
        assert scorer.name == "detoxify:tiny"
        assert scorer.ready()
    assert list(elsewhere.iterdir()) == []


def weights(contents: dict[str, Any]) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = contents["state_dict"]
    return state


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda contents: weights(contents).pop("classifier.weight"), "expected weights for classifier.weight"),
        (lambda contents: weights(contents)["classifier.bias"].fill_(torch.nan), "scores in 0..1"),
        (lambda contents: weights(contents).update({"classifier.bias": torch.zeros(9)}), "fit together"),
        (lambda contents: contents["config"]["arch"]["args"].update(model_name="NoForSequenceClassification"), "fit"),
    ],
    ids=["missing", "nan", "shape", "model"],
)
def test_weights_that_do_not_fit_are_refused(
    tiny_folder: Callable[..., Path], change: Callable[[dict[str, Any]], object], expected: str
) -> None:
    with pytest.raises(ScorerLoadError, match=expected) as caught:
        DetoxifyScorer.load(str(tiny_folder(change)))
    assert "model.ckpt" in str(caught.value) and "\n" not in str(caught.value)


def test_a_config_that_is_none_is_refused(tiny_folder: Callable[..., Path]) -> None:
    folder = tiny_folder()
    (folder / "config.json").write_text("{")
    with pytest.raises(ScorerLoadError, match="config and tokenizer that fit together"):
        DetoxifyScorer.load(str(folder))


@pytest.mark.parametrize(
    ("device", "found", "expected"),
    [
        ("cuda", 0, r"device cuda: expected a GPU .*, found 0: score on cpu"),
        ("cuda:1", 1, r"device cuda:1: expected a GPU .*, found 1: "),
        ("gpu", 0, "device gpu: expected cpu, cuda, or cuda:N"),
    ],
)
def test_a_device_that_is_not_there_is_told_before_anything_is_loaded(
    device: str, found: int, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: found)
    with pytest.raises(ScorerLoadError, match=expected) as caught:
        DetoxifyScorer.load("/no/such/checkpoint", device=device)
    assert "\n" not in str(caught.value)


def test_torch_is_not_imported_before_a_model_is_loaded() -> None:
    program = "import sys, filters.judge, filters.scorers.detoxify; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=BUNDLED_CLASSIFIER.parents[1]).returncode == 0


@pytest.mark.parametrize("threshold", [0.02, 0.5, 0.9])
@pytest.mark.parametrize("roughly", [True, False])
def test_bounds_are_no_lower_than_the_scores_and_exact_where_they_matter(
    detoxify_scorer: DetoxifyScorer, threshold: float, roughly: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, tokenizer, limit = detoxify_scorer._model, detoxify_scorer._tokenizer, detoxify_scorer._limit
    found = passes(model, tokenizer, limit, Ticks(1, 2) if roughly else Ticks(2, 1))
    assert (found.rough is not None) is roughly
    monkeypatch.setattr(detoxify_scorer, "_passes", found)
    monkeypatch.setattr(detoxify_scorer, "_taught", Taught(detoxify_scorer.own, found))
    texts = ["You idiot", "A nice day", "", "What a silly plan", "The train leaves at nine. " * 200 + "You idiot", "ok"]
    exact = detoxify_scorer.score(texts)
    for bounds, scores in zip(detoxify_scorer.bounds(texts, [at(threshold)] * len(texts)), exact, strict=True):
        if max(bounds.values()) >= threshold:
            assert bounds == pytest.approx(scores, abs=1e-4)
        else:
            assert all(bounds[category] >= score - 1e-4 for category, score in scores.items())


def test_without_a_least_bounds_are_the_scores(detoxify_scorer: DetoxifyScorer) -> None:
    (bounds, scores) = detoxify_scorer.bounds(["A nice day"] * 2, [EXACT, at(0.5)])
    assert bounds == pytest.approx(detoxify_scorer.score(["A nice day"])[0], abs=1e-4)
    assert max(scores.values()) < 0.5


def test_what_can_only_be_run_exactly_has_the_scores_for_bounds(tiny: DetoxifyScorer, monkeypatch: Any) -> None:
    monkeypatch.setattr(tiny, "_passes", Passes(tiny._passes.exact))
    assert tiny.bounds(["you"], [at(0.9)]) == tiny.score(["you"])


def test_no_texts_have_no_bounds(detoxify_scorer: DetoxifyScorer) -> None:
    assert detoxify_scorer.bounds([], []) == []


def test_it_is_taught_a_category_and_a_correction_while_it_is_used(tiny: DetoxifyScorer) -> None:
    text = "hello garden"
    (before,) = tiny.score([text])
    (embedding,) = (row.double().numpy() for row in tiny.embeddings([text]).output.embeddings)  # type: ignore[union-attr]
    heads = with_category(nothing(len(embedding), "0001-ab"), "spoilers", embedding, 0.0, 3)
    tiny.teach(with_correction(heads, 1, embedding, 0.0, 0.0))
    try:
        (after,) = tiny.score([text])
        (bounds,) = tiny.bounds([text], [dict.fromkeys(after, 0.9999)])
        assert tuple(after) == tiny.categories == (*tiny.own, "spoilers")
        untouched, moved = tiny.own[:2]
        assert after[untouched] == before[untouched] and after[moved] > before[moved]
        assert after["spoilers"] > 0.5
        assert all(bounds[name] >= after[name] - 1e-6 for name in after)
        assert tiny.gate == f"{tiny.checksum[:12]}+0001-ab" and tiny.must_read(text)
    finally:
        tiny.teach(None)
    assert tiny.score([text]) == [before]
    assert tiny.gate == tiny.checksum[:12] and not tiny.must_read(text)


def test_a_candidate_is_compared_in_the_same_pass_and_changes_nothing(detoxify_scorer: DetoxifyScorer) -> None:
    texts = ["You idiot", "A nice day"]
    before = detoxify_scorer.bounds(texts, [at(0.5)] * 2)
    width = detoxify_scorer.embeddings(texts).output.embeddings.shape[1]  # type: ignore[union-attr]
    candidate = with_correction(nothing(width, "0002-cd"), 0, np.zeros(width), 20.0, 0.0)
    detoxify_scorer.teach(None, shadow := Shadow(candidate, 1.0))
    try:
        assert detoxify_scorer.bounds(texts, [at(0.5)] * 2) == before
        assert shadow.counts == {"both": 1, "candidate": 1}
    finally:
        detoxify_scorer.teach(None)
