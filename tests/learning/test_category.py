from pathlib import Path

import pytest

from filters.scorers.heads import Heads
from learning import category
from learning.base import Base
from learning.errors import LearnError
from learning.reader import Reader
from learning.rows import Row, read_rows

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "categories"


def test_a_category_is_told_from_what_is_near_it_and_from_all_else(reader: Reader, alone: Heads, base: Base) -> None:
    fitted = category.fit(reader, alone, read_rows(EXAMPLES / "medical_advice.jsonl"), base)
    assert fitted.area > 0.85
    assert fitted.found() > 0.5
    near, far = fitted.false_alarms()
    assert near < 0.2
    assert far <= 0.01


def test_a_span_teaches_what_it_is_and_what_stands_before_it_is_not(
    reader: Reader, alone: Heads, base: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = read_rows(EXAMPLES / "spoilers.jsonl")
    lead = "I saw the film on Monday with my brother."
    spans = [
        Row(f"{lead} {row.text}", True, ((len(lead) + 1, len(lead) + 1 + len(row.text)),)) for row in rows if row.label
    ]
    with_spans = category.fit(reader, alone, [*spans, *(row for row in rows if not row.label)], base)
    assert len(with_spans.examples) == 2 * len(spans)
    assert len(with_spans.counterexamples) == len(rows)
    odds = reader.seen([lead], alone).embeddings @ with_spans.head.weight + with_spans.head.bias
    assert odds[0] < 0


def rows(examples: int, counterexamples: int) -> list[Row]:
    found = [Row(f"example {at}", True, line=at) for at in range(examples)]
    return found + [Row(f"other {at}", False, line=at) for at in range(counterexamples)]


@pytest.mark.parametrize(
    ("counts", "problem"),
    [
        ((60, 0), "found 60 examples .* and 0 counterexamples .*: no counterexamples; add texts that are not of"),
        ((0, 60), "no examples; add texts that are of the category"),
        ((31, 4), "found 31 examples .* and 4 counterexamples .*, expected at least 50 in all and 20 of each"),
        ((20, 29), "expected at least 50 in all"),
    ],
)
def test_too_few_or_of_one_kind_is_refused(counts: tuple[int, int], problem: str) -> None:
    with pytest.raises(LearnError, match=problem):
        category.check("data.jsonl", rows(*counts))


def test_a_text_with_both_labels_is_refused_by_its_line() -> None:
    with pytest.raises(LearnError, match=r"data\.jsonl: line 99: the text of line 3 again, with another label"):
        category.check("data.jsonl", [*rows(30, 30), Row("example 3", False, line=99)])
