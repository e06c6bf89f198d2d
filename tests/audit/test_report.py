"""An audit log in numbers."""

from server.audit.record import record
from server.audit.report import counted, written
from tests.audit.builders import answered


def test_answers_are_counted_by_day_action_policy_key_category_and_version() -> None:
    answers = [
        answered(key="a"),
        answered(key="a", action="clean", rewinds=0, detected=frozenset(), flagged=()),
        answered(key="b"),
    ]
    records = [
        {"kind": "answer", "time": f"2026-01-0{day}T00:00:00.000Z", **record(each, "f" * 64)}
        for day, each in zip((1, 1, 2), answers, strict=True)
    ]
    counts = counted([{"kind": "begin"}, *records, {"kind": "gap", "lost": 2}])
    assert (counts.answers, counts.rewinds, counts.lost) == (3, 2, 2)
    page = written(counts)
    assert page.startswith("3 answers from 2026-01-01T00:00:00.000Z to 2026-01-02T00:00:00.000Z; ")
    assert "| day (UTC) | answers | rewound | clean |\n|---|---|---|---|\n| 2026-01-01 | 2 | 1 | 1 |\n" in page
    assert "| a | 2 | 1 | 1 |\n| b | 1 | 1 | 0 |" in page
    assert "| insult | 2 | 0.1235 |" in page and f"| {'f' * 12} | 3 |" in page


def test_a_log_without_answers_has_a_report_too() -> None:
    assert written(counted([{"kind": "begin"}])).startswith("0 answers from - to -; spans: none; 0 rewinds")
