from learning.base import Base, part_of, read_base
from tests.learning.conftest import Write


def test_every_text_is_in_one_part_and_always_in_the_same(base: Base) -> None:
    parts = [{row.text for row in part} for part in (base.fitted, base.quiet, base.tested)]
    assert not parts[0] & parts[1] and not parts[1] & parts[2] and not parts[0] & parts[2]
    assert all(len(part) > 300 for part in parts)
    assert all(part_of(text, 4) == 0 for text in parts[2])
    assert base.background == [row.text for row in base.fitted]


def test_the_operators_texts_come_beside_the_bundled_ones(base: Base, write: Write) -> None:
    more = read_base([write([{"text": f"A text of our own, number {at}.", "label": 0} for at in range(40)])])
    counts = [len(part) for found in (more, base) for part in (found.fitted, found.quiet, found.tested)]
    assert sum(counts[:3]) == sum(counts[3:]) + 40


def test_there_are_toxic_and_clean_ones_in_every_part(base: Base) -> None:
    assert all({row.label for row in part} == {True, False} for part in (base.fitted, base.quiet, base.tested))
