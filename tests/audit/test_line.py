"""A line of the audit log proves itself."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.audit.line import Head, read, written
from server.hashing import hashed

FACTS = st.dictionaries(st.text(), st.text() | st.integers() | st.none())


@given(FACTS)
def test_whatever_is_said_a_line_is_one_of_ascii_and_is_read_back(facts: dict[str, object]) -> None:
    said = {key: value for key, value in facts.items() if key not in ("seq", "kind", "time", "prev")}
    line, head = written("answer", {"time": "now", **said}, Head(3, "f" * 64))
    assert line.isascii() and line.count(b"\n") == 1
    found = read(line[:-1])
    assert found is not None and found.proven and found.head == head == Head(4, json.loads(line)["hash"])
    assert {key: found.said[key] for key in said} == said and found.said["prev"] == "f" * 64


def test_a_changed_byte_takes_the_proof_away() -> None:
    line, _ = written("answer", {"time": "now", "action": "refused"}, Head())
    found = read(line.replace(b"refused", b"rewound")[:-1])
    assert found is not None and not found.proven


@pytest.mark.parametrize(
    "line", [b"", b"{}", b"x", b'{"seq": 0, "hash": "ab"}', b'{bad, "hash": "' + b"a" * 64 + b'"}']
)
def test_what_is_no_record_is_none(line: bytes) -> None:
    assert read(line) is None


def test_half_a_character_has_a_hash_too() -> None:
    assert len(hashed("\ud800")) == 64
