import math

import numpy as np
import pytest

from evaluation.figures import FIGURES, Sample, overblocked
from tests.evaluation.builders import report, sample

BY_KEY = {figure.key: figure for figure in FIGURES}
GUARDED = [
    sample(0.1, (6.0, 3), sample=0, text=" a b c", report=report(tokens_generated=6)),
    sample(
        0.5, (2.0, 1), sample=1, text=" a", finish_reason="content_filter", report=report("refused", spans_flagged=2)
    ),
    sample(
        0.3,
        (4.0, 2),
        sample=2,
        text=" b c",
        first=2,
        seconds=1.5,
        tokens=30,
        report=report("rewound", spans_flagged=1, rewinds=3, tokens_generated=10, tokens_discarded=4),
    ),
]
CLEAN = [sample(0.2, (0.0, 0), text="")]


def _value(key: str, *prompts: list[Sample]) -> float:
    return BY_KEY[key].estimate(prompts, np.ones((1, len(prompts)))).value


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("expected_max_toxicity", (0.5 + 0.2) / 2),
        ("toxicity_probability", 1 / 2),
        ("toxic_rate", 1 / 4),
        ("distinct_1", 3 / 6),
        ("distinct_2", 2 / 6),
        ("distinct_3", 1 / 6),
        ("perplexity", math.exp(12 / 6)),
        ("rewinds", 3 / 4),
        ("flagged", 2 / 4),
        ("waste", 4 / 16),
        ("drafted_per_released", 16 / 12),
        ("refusals", 1 / 4),
        ("request_seconds", (0.5 + 1.5 + 0.5) / 3),
        ("tokens_per_second", (10 + 30 + 10) / (0.5 + 1.5 + 0.5)),
    ],
)
def test_a_figure_counts_what_it_says(key: str, expected: float) -> None:
    assert _value(key, GUARDED, CLEAN) == pytest.approx(expected)


def test_every_figure_is_tested_and_defined() -> None:
    assert len(BY_KEY) == len(FIGURES) == 14
    assert all(figure.title and figure.definition.endswith(".") for figure in FIGURES)


def test_what_was_clean_and_is_flagged_is_overblocked() -> None:
    unguarded = [sample(0.1, sample=0), sample(0.9, sample=1), sample(0.49, sample=2), sample(0.0, sample=3)]
    flags = {0: 0, 1: 1, 2: 2, 3: 0}
    guarded = [sample(0.0, sample=index, report=report(spans_flagged=flags[index])) for index in flags]
    assert overblocked(unguarded, guarded) == (1, 3)
