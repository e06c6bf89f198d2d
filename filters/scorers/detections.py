"""The detectors API of FMS Guardrails and TrustyAI, as far as a scorer needs it: the shapes, without HTTP.

`POST /api/v1/text/contents` with the header `detector-id` and `{"contents": [...], "detector_params": {...}}` answers
with a list for each content of detections `{start, end, text, detection, detection_type, score}`.
(https://foundation-model-stack.github.io/fms-guardrails-orchestrator/?urls.primaryName=Detector+API)

How detections become scores:
1. The score of a category is the highest of the detections that count for it; what is not detected scores 0.
2. A detection counts for the category that its `detection_type` is mapped to, or for none if it is mapped to nothing.
3. A type that is not mapped counts for every category: nobody said that it is harmless.
4. An answer that is not of this shape in every part is no answer (`Misread`). No message quotes any of it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from filters.category import Category
from filters.scorer import Scores

PATH = "/api/v1/text/contents"
HEADER = "detector-id"


class Misread(Exception):
    """An answer is none of the detectors API: the message says what was expected."""


@dataclass(frozen=True, slots=True)
class Types:
    """Which category each `detection_type` counts for, None for none. `categories` has every one of them."""

    categories: tuple[Category, ...]
    mapped: Mapping[str, Category | None]

    def of(self, detection_type: str) -> tuple[Category, ...]:
        """Return the categories that a detection of this type counts for."""
        if detection_type not in self.mapped:
            return self.categories
        category = self.mapped[detection_type]
        return () if category is None else (category,)


def mapping(types: Mapping[str, str]) -> Types:
    """Build a mapping from each type to its category, or to "" for none. ValueError if there is no category at all."""
    categories = tuple(dict.fromkeys(category for category in types.values() if category))
    if not categories:
        raise ValueError("expected at least one category")
    return Types(categories, {kind: category or None for kind, category in types.items()})


def read(body: bytes, count: int, types: Types) -> list[Scores]:
    """Return the scores of `count` contents, in order, from the bytes of an answer. Misread if it is none."""
    try:
        answer = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Misread("expected JSON") from None
    if not isinstance(answer, list) or len(answer) != count:
        raise Misread(f"expected a list of {count} lists")
    return [_scores(detections, types) for detections in answer]


def told(text: str, scores: Scores, threshold: float, scorer: str) -> list[dict[str, Any]]:
    """Return the detections of a text, one for each category that reaches `threshold`, all about the whole text."""
    return [
        {
            "start": 0,
            "end": len(text),
            "text": text,
            "detection": scorer,
            "detection_type": category,
            "score": score,
        }
        for category, score in scores.items()
        if score >= threshold
    ]


def _scores(detections: object, types: Types) -> Scores:
    scores = dict.fromkeys(types.categories, 0.0)
    if not isinstance(detections, list):
        raise Misread("expected a list of detections for each content")
    for detection in detections:
        kind, score = _detection(detection)
        for category in types.of(kind):
            scores[category] = max(scores[category], score)
    return scores


def _detection(detection: object) -> tuple[str, float]:
    kind = detection.get("detection_type") if isinstance(detection, dict) else None
    score = detection.get("score") if isinstance(detection, dict) else None
    if not isinstance(kind, str) or isinstance(score, bool) or not isinstance(score, int | float):
        raise Misread("expected detections with a detection_type and a score")
    if not 0 <= score <= 1:
        raise Misread("expected scores from 0 to 1")
    return kind, float(score)


def _no_number(_name: str) -> NoReturn:
    """Refuse NaN and infinities, which Python reads and JSON does not have."""
    raise ValueError("not a number")
