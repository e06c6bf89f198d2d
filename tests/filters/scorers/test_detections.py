import json
from typing import Any

import pytest

from filters.scorers.detections import Misread, Types, mapping, read, told

TYPES = mapping({"HAP": "toxicity", "LABEL_1": "insult", "LABEL_2": "insult", "LABEL_0": ""})


def detection(kind: str, score: Any) -> dict[str, Any]:
    return {"start": 0, "end": 3, "text": "abc", "detection": "x", "detection_type": kind, "score": score}


def scores(*detections: dict[str, Any], types: Types = TYPES) -> dict[str, float]:
    (found,) = read(json.dumps([detections]).encode(), 1, types)
    return dict(found)


def test_the_highest_of_what_counts_for_a_category_is_its_score() -> None:
    found = scores(detection("LABEL_1", 0.2), detection("LABEL_2", 0.7), detection("LABEL_1", 0.3))
    assert found == {"toxicity": 0.0, "insult": 0.7}


def test_what_is_not_detected_scores_zero() -> None:
    assert scores() == {"toxicity": 0.0, "insult": 0.0}
    assert read(b"[]", 0, TYPES) == []


def test_a_type_can_be_mapped_to_nothing() -> None:
    assert scores(detection("LABEL_0", 0.99)) == {"toxicity": 0.0, "insult": 0.0}


def test_a_type_that_is_not_mapped_counts_for_every_category() -> None:
    assert scores(detection("new", 0.4), detection("HAP", 0.6)) == {"toxicity": 0.6, "insult": 0.4}
    assert scores(detection("anything", 1), types=Types(("toxicity",), {})) == {"toxicity": 1.0}


def test_the_order_of_contents_is_kept() -> None:
    body = json.dumps([[detection("HAP", 0.1)], [], [detection("HAP", 0.3)]]).encode()
    assert [each["toxicity"] for each in read(body, 3, TYPES)] == [0.1, 0.0, 0.3]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>secret</html>",
        b"\xff\xfe",
        b"[" * 100_000,
        b"{}",
        b"null",
        b"[]",
        b"[[], []]",
        b'[{"detections": []}]',
        b'["secret"]',
        b'[["secret"]]',
        b"[[{}]]",
        b'[[{"score": 0.5}]]',
        b'[[{"detection_type": "HAP"}]]',
        b'[[{"detection_type": 3, "score": 0.5}]]',
    ],
)
def test_another_shape_is_no_answer_and_is_not_quoted(body: bytes) -> None:
    with pytest.raises(Misread, match="expected") as caught:
        read(body, 1, TYPES)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("score", ["NaN", "Infinity", "1e999", "-0.01", "1.01", "true", "null", '"0.5"', "9" * 400])
def test_another_number_than_from_0_to_1_is_no_score(score: str) -> None:
    with pytest.raises(Misread):
        read(f'[[{{"detection_type": "LABEL_0", "score": {score}}}]]'.encode(), 1, TYPES)


def test_a_mapping_needs_a_category() -> None:
    with pytest.raises(ValueError, match="at least one category"):
        mapping({"LABEL_0": ""})


def test_what_is_told_is_read_again() -> None:
    before = {"toxicity": 0.6, "insult": 0.2}
    entries = told("some text", before, 0.2, "detoxify:x")
    assert [(entry["start"], entry["end"], entry["text"]) for entry in entries] == [(0, 9, "some text")] * 2
    types = mapping({"toxicity": "toxicity", "insult": "insult"})
    assert read(json.dumps([entries, told("a", before, 0.3, "x")]).encode(), 2, types) == [
        before,
        {"toxicity": 0.6, "insult": 0.0},
    ]
