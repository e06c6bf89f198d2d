"""What is banned cannot be drawn at its position; what is avoided hardly."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from server.engine.core.bias import AVOIDED_BIAS, FORBIDDEN, change
from server.engine.core.changes import Changes


def changed(changes: Changes, position: int, row: list[float] | None = None) -> list[float]:
    logits = torch.tensor(row or [1.0, 2.0, 3.0, 4.0])
    change(logits, changes, position)
    return logits.tolist()


@pytest.mark.parametrize(("position", "row"), [(4, [1, 2, 3, 4]), (5, [1, FORBIDDEN, 3, FORBIDDEN]), (6, [1, 2, 3, 4])])
def test_a_ban_holds_at_its_position_alone(position: int, row: list[float]) -> None:
    assert changed(Changes("a", banned={5: (1, 3)}), position) == row


@pytest.mark.parametrize(("position", "there"), [(0, True), (6, True), (7, False), (100, False)])
def test_what_is_avoided_is_unlikely_until_the_end_of_its_stretch(position: int, there: bool) -> None:
    found = changed(Changes("a", avoided=(2,), until=7), position)
    assert found == [1, 2, 3 + AVOIDED_BIAS if there else 3, 4]


def test_a_ban_never_empties_what_may_be_drawn() -> None:
    only = [FORBIDDEN, 2.0, FORBIDDEN, FORBIDDEN]
    assert changed(Changes("a", banned={0: (1,)}), 0, only) == only
    two = [FORBIDDEN, 2.0, FORBIDDEN, 4.0]
    assert changed(Changes("a", banned={0: (1,)}), 0, two) == [FORBIDDEN, FORBIDDEN, FORBIDDEN, 4.0]
    assert changed(Changes("a", banned={0: (1, 3)}), 0, two) == two


def test_ids_that_the_vocabulary_does_not_have_are_no_fault() -> None:
    changes = Changes("a", banned={0: (1, 99)}, avoided=(98, 2), until=1)
    assert changed(changes, 0) == [1, FORBIDDEN, 3 + AVOIDED_BIAS, 4]
    assert changed(Changes("a", banned={0: (99,)}), 0) == [1, 2, 3, 4]


@given(st.sets(st.integers(0, 9)), st.sets(st.integers(0, 12)), st.sets(st.integers(0, 12)))
def test_a_grammar_always_keeps_something_and_gets_nothing_back(
    barred: set[int], banned: set[int], avoided: set[int]
) -> None:
    row = [FORBIDDEN if token in barred else float(token) for token in range(10)]
    found = changed(Changes("a", banned={0: sorted(banned)}, avoided=sorted(avoided), until=1), 0, row)
    allowed = {token for token, logit in enumerate(found) if logit > FORBIDDEN}
    permitted = set(range(10)) - barred
    assert allowed == (permitted - banned or permitted)
