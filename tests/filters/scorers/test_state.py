from pathlib import Path

import pytest

from filters.scorer import ScorerLoadError
from filters.scorers.state import STATE, State, read_state, write_state


def test_a_state_is_read_as_it_was_written_and_nothing_is_in_force_without_one(tmp_path: Path) -> None:
    assert read_state(tmp_path) == State()
    state = State("0002-b", "0001-a", "0003-c", 0.1)
    write_state(tmp_path, state)
    assert read_state(tmp_path) == state


@pytest.mark.parametrize("said", ["{", "[]", '{"other": 1}', '{"current": 3}', '{"share": 2}', '{"share": "x"}'])
def test_a_state_that_says_something_else_is_refused(said: str, tmp_path: Path) -> None:
    (tmp_path / STATE).write_text(said)
    with pytest.raises(ScorerLoadError, match="expected current, before, candidate"):
        read_state(tmp_path)
