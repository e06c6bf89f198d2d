from collections.abc import Sequence

import numpy as np
import pytest

from filters.scorers.heads import Heads
from learning.base import Base
from learning.command import thresholds
from learning.correction import corrected
from learning.feedback import Claim
from learning.gate import flagged
from learning.reader import Reader
from tests.learning.reports import MISSED, PLAIN_ONES

HELD = thresholds(None)


def missed(texts: Sequence[str], keys: int = 8) -> list[Claim]:
    return [Claim(text, True, key=f"key-{at % keys}") for at, text in enumerate(texts)]


@pytest.fixture(scope="module")
def heads(reader: Reader, alone: Heads, base: Base) -> Heads:
    """What forty reports of a new insult have taught."""
    return corrected(reader, alone, missed(MISSED[:40]), base, HELD).heads


def test_a_new_insult_is_found_in_sentences_that_nobody_reported(reader: Reader, alone: Heads, heads: Heads) -> None:
    unseen = MISSED[40:]
    assert flagged(reader.scores(unseen, alone), HELD) < 0.8
    assert flagged(reader.scores(unseen, heads), HELD) >= 0.9


def test_nothing_else_changes_at_all(reader: Reader, alone: Heads, heads: Heads, base: Base) -> None:
    others = [*PLAIN_ONES[40:], *(row.text for row in base.tested)]
    pairs = zip(reader.scores(others, alone), reader.scores(others, heads), strict=True)
    moved = np.array([abs(before["toxicity"] - after["toxicity"]) for before, after in pairs])
    assert (moved == 0).mean() > 0.97
    assert flagged(reader.scores(others, heads), HELD) == pytest.approx(
        flagged(reader.scores(others, alone), HELD), abs=0.005
    )


def test_what_one_key_says_alone_moves_nothing(reader: Reader, alone: Heads, heads: Heads, base: Base) -> None:
    hostile = [Claim(text, True, key="hostile") for text in PLAIN_ONES[:10]]
    learned = corrected(reader, alone, [*missed(MISSED[:40]), *hostile], base, HELD)
    assert set(learned.alone) == {"hostile"}
    texts = [*PLAIN_ONES, *MISSED[40:]]
    pairs = zip(reader.scores(texts, heads), reader.scores(texts, learned.heads), strict=True)
    assert max(abs(one[name] - other[name]) for one, other in pairs for name in one) < 0.01


def test_a_reviewers_labels_need_nobody_else(reader: Reader, alone: Heads, base: Base) -> None:
    labels = [Claim(text, True, key="app", reviewed=True, counts=3.0) for text in MISSED[:12]]
    assert corrected(reader, alone, labels, base, HELD).counted == {"toxicity": 12}
    reports = [Claim(text, True, key="app") for text in MISSED[:12]]
    learned = corrected(reader, alone, reports, base, HELD)
    assert learned.heads.of == ()
    assert learned.alone["app"] > 0


def test_a_false_alarm_is_about_every_category_that_is_flagged(reader: Reader, alone: Heads, base: Base) -> None:
    texts = [f"{text} What an idiot." for text in PLAIN_ONES[:8]]
    claims = [Claim(text, False, key=f"key-{at % 4}") for at, text in enumerate(texts)]
    learned = corrected(reader, alone, claims, base, HELD)
    assert {"toxicity", "insult"} <= {*learned.counted, *learned.too_few}


def test_what_was_learned_before_is_not_learned_again(reader: Reader, heads: Heads, base: Base) -> None:
    found = [text for text in MISSED[:40] if reader.seen([text], heads).odds["toxicity"][0] > 0]
    learned = corrected(reader, heads, missed(found), base, HELD)
    assert (learned.heads, learned.alone) == (heads, {})


def test_where_all_is_well_nothing_is_learned(reader: Reader, alone: Heads, base: Base) -> None:
    learned = corrected(reader, alone, [Claim("A fine day.", None)], base, HELD)
    assert (learned.heads, dict(learned.counted)) == (alone, {})
