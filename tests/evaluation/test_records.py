import json

import pytest

from evaluation.records import from_json, key_as_json, key_of
from tests.evaluation.builders import generation, report


def test_a_generation_comes_back_from_its_line() -> None:
    written = generation(text="caf\u00e9 \ud83d", report=report("rewound"), first=2, sample=3)
    assert from_json(json.loads(json.dumps(written.as_json()))) == written


def test_a_line_has_the_promised_keys() -> None:
    assert {"prompt", "mode", "text", "report"} <= set(generation().as_json())


def test_any_line_with_a_key_gives_it() -> None:
    key = generation().key
    assert key_of({**key_as_json(key), "value": 1}) == key
    with pytest.raises(KeyError):
        key_of({"set": "a"})


@pytest.mark.parametrize(
    ("changes", "withheld"),
    [
        ({"finish_reason": "content_filter"}, True),
        ({"report": report("refused")}, True),
        ({"report": report("truncated")}, True),
        ({"report": report("rewound")}, False),
        ({}, False),
    ],
)
def test_withheld_text_is_known_by_its_end_or_its_report(changes: dict[str, object], withheld: bool) -> None:
    assert generation(**changes).withheld is withheld
