import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.metrics import auc, share_flagged

_scores = st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=30)


@given(_scores)
def test_the_area_is_the_share_of_pairs_in_the_right_order(scored: list[tuple[int, bool]]) -> None:
    ups = [score for score, positive in scored if positive]
    downs = [score for score, positive in scored if not positive]
    area = auc([score for score, _ in scored], [positive for _, positive in scored])
    if not ups or not downs:
        assert math.isnan(area)
        return
    wins = sum((up > down) + (up == down) / 2 for up in ups for down in downs)
    assert area == pytest.approx(wins / len(ups) / len(downs))


def test_a_score_at_the_threshold_is_flagged() -> None:
    assert share_flagged([0.5, 0.49, 0.9, 0.0], 0.5) == 0.5
    assert math.isnan(share_flagged([], 0.5))
