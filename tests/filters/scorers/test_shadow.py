import json
from pathlib import Path

from filters.scorers.heads import nothing
from filters.scorers.shadow import KEPT, Agreement, NullShadowObserver, Shadow

HELD = {"toxicity": 0.5}
LOW, HIGH = {"toxicity": 0.1}, {"toxicity": 0.9}


class Counted:
    def __init__(self) -> None:
        self.told: list[Agreement] = []

    def compared(self, agreement: Agreement) -> None:
        self.told.append(agreement)


def test_the_two_agree_or_one_alone_flags_a_text() -> None:
    shadow = Shadow(nothing(2), 1.0, counted := Counted())
    shadow.compare(["a", "b", "c", "d"], [HELD] * 4, [LOW, HIGH, HIGH, LOW], [LOW, HIGH, LOW, HIGH])
    assert counted.told == ["neither", "both", "current", "candidate"]
    assert [tuple(each) for each in shadow.differences] == [("toxicity", 0.9, 0.1), ("toxicity", 0.1, 0.9)]


def test_a_text_is_always_in_the_share_or_never() -> None:
    shadow = Shadow(nothing(2), 0.25)
    texts = [f"text {at}" for at in range(2_000)]
    taken = [shadow.takes(text) for text in texts]
    assert taken == [shadow.takes(text) for text in texts]
    assert 0.2 < sum(taken) / len(taken) < 0.3
    assert not any(Shadow(nothing(2), 0.0).takes(text) for text in texts)


def test_what_is_held_against_nothing_or_not_in_the_share_is_not_compared() -> None:
    shadow = Shadow(nothing(2), 1.0)
    shadow.compare(["a"], [{}], [LOW], [HIGH])
    Shadow(nothing(2), 0.0).compare(["a"], [HELD], [LOW], [HIGH])
    assert not shadow.counts


def test_what_was_seen_is_written_without_text_and_bounded(tmp_path: Path) -> None:
    shadow = Shadow(nothing(2), 1.0, NullShadowObserver())
    shadow.compare(["secret"] * (KEPT + 9), [HELD] * (KEPT + 9), [LOW] * (KEPT + 9), [HIGH] * (KEPT + 9))
    shadow.write(path := tmp_path / "new" / "1.json")
    said = json.loads(path.read_text())
    assert said["counts"] == {"candidate": KEPT + 9}
    assert len(said["differences"]) == KEPT
    assert "secret" not in path.read_text()
