import re

from training import phrases

GAPS = {"s", "c", "a", "p", "bad", "good"}


def test_entries_keep_their_order_and_remarks_are_none_of_them() -> None:
    text = "# On all.\n\n[one]\n# On the first.\n{s} sing\n{s} dance\n\n[two]\na\n"
    assert phrases.read(text) == {"one": ("{s} sing", "{s} dance"), "two": ("a",)}


def test_every_kind_has_entries_and_a_name() -> None:
    kinds = phrases.read(phrases._FILE.read_text(encoding="utf-8"))
    assert kinds == {name.lower(): value for name, value in vars(phrases).items() if name.isupper() and name[0] != "_"}
    assert all(kinds.values())


def test_every_gap_is_one_that_sentences_fill() -> None:
    entries = [entry for kind in phrases._KINDS.values() for entry in kind]
    assert {gap for entry in entries for gap in re.findall(r"\{(\w*)\}", entry)} == GAPS
