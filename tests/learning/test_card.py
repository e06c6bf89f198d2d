from collections import Counter

import numpy as np

from filters.scorers.heads import Heads
from learning import card
from learning.category import Fitted
from learning.correction import Learned
from learning.fit import Linear
from learning.gate import Outcome

OUTCOME = Outcome("benign.jsonl", 10, (1, 1), 5, (2, 2), True)
FITTED = Fitted(Linear(np.zeros(2), 0.0), np.array([2.0, -1.0]), np.array([-3.0, 1.0]), np.full(4, -5.0))


def test_a_categorys_card_has_its_curve_its_sources_and_its_tests() -> None:
    text = card.of_category("spoilers", FITTED, {"spoilers.jsonl": "ab12"}, [OUTCOME])
    assert "{name}: the category `spoilers`" in text
    assert "| 0.5 | 50% | 50% | 0.0% |" in text
    assert "Area under the curve, cross-validated: 0.750" in text
    assert "- `spoilers.jsonl`, sha256 ab12" in text
    assert "- passed  benign.jsonl: false alarms 1 -> 1 of 10, misses 2 -> 2 of 5" in text


def test_a_corrections_card_says_what_counted_and_what_did_not(alone: Heads) -> None:
    learned = Learned(alone, Counter(toxicity=40), Counter(toxicity=39), Counter(hostile=10), Counter(insult=2))
    text = card.of_correction(learned, {}, [])
    assert "| toxicity | 40 | 39 |" in text
    assert card.said(learned) == [
        "hostile: 10 that nobody else bears out",
        "insult: nothing learned from 2 texts, too few",
    ]
