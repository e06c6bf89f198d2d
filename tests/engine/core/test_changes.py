"""What an attempt changes, on its way through a request's extra arguments."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from server.engine.core.bias import change
from server.engine.core.changes import ARGUMENT, LARGEST, Changes, changes_in

COUNTS = st.integers(0, 1 << 40)
TOKENS = st.lists(COUNTS, max_size=4).map(tuple)
MADE = st.builds(Changes, st.text(), COUNTS, st.dictionaries(COUNTS, TOKENS, max_size=3), TOKENS, COUNTS, COUNTS)


@given(MADE)
def test_what_is_put_in_is_read_back(changes: Changes) -> None:
    assert changes_in(changes.put_into({"other": 1})) == changes
    assert changes.put_into({"other": 1})["other"] == 1


@given(MADE, MADE)
def test_what_a_client_wrote_there_is_gone(ours: Changes, theirs: Changes) -> None:
    assert changes_in(ours.put_into(theirs.put_into(None))) == ours


JUNK = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner), max_leaves=4)


@given(st.dictionaries(st.sampled_from(["key", "kept", "banned", "avoided", "until", "turned"]), JUNK) | JUNK)
def test_what_is_not_of_our_making_is_no_change_or_a_sound_one(value: Any) -> None:
    found = changes_in({ARGUMENT: value})
    assert found is None or changes_in(found.put_into(None)) == found


@pytest.mark.parametrize("token", [0, 7, LARGEST, LARGEST + 1, (1 << 64) - 1])
def test_no_number_of_a_client_breaks_the_drawing_of_tokens(token: int) -> None:
    """An error in a logits processor would end the engine."""
    for forged in ({"banned": {token: (token,)}}, {"avoided": (token,), "until": 1}, {"banned": {0: (token,)}}):
        if (found := changes_in(Changes("a", **forged).put_into(None))) is not None:
            change(torch.zeros(8), found, 0)


@pytest.mark.parametrize("extra", [None, {}, {ARGUMENT: None}, {ARGUMENT: {}}, {ARGUMENT: {"key": "a", "kept": -1}}])
def test_without_changes_there_are_none(extra: dict[str, Any] | None) -> None:
    assert changes_in(extra) is None


def test_only_what_bans_avoids_or_turns_changes_anything() -> None:
    assert not Changes("a", turned=4).changes_nothing
    assert Changes("a", kept=3).changes_nothing
    assert Changes("a", avoided=(1,)).changes_nothing and Changes("a", until=4).changes_nothing
    assert not Changes("a", avoided=(1,), until=4).changes_nothing
    assert not Changes("a", banned={0: (1,)}).changes_nothing
