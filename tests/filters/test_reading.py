from collections.abc import Sequence

import pytest

from filters.reading import scores_as_read
from filters.scorer import ScorerUnavailable, Scores
from filters.scorers.scripted import ScriptedScorer
from tests.filters.test_batcher import Record, batching


async def folded(texts: Sequence[str], scorer: ScriptedScorer, record: Record | None = None) -> list[Scores]:
    async with batching(scorer, record) as batcher:
        return await scores_as_read(batcher, texts)


async def test_a_text_has_the_highest_scores_of_its_readings() -> None:
    scorer = ScriptedScorer({"idiot": 0.9, "a s i": 0.4, "silly": 0.3}, categories=("toxicity", "insult"))
    texts = ["hello", "an id\u200biot", "a s i l l y one", "idiot"]
    assert await folded(texts, scorer) == [
        dict.fromkeys(("toxicity", "insult"), score) for score in (0.0, 0.9, 0.4, 0.9)
    ]


async def test_the_readings_of_all_texts_are_scored_in_one_pass() -> None:
    scorer, record = ScriptedScorer({}), Record()
    await folded(["hello", "an id\u200biot", "such a f o o l"], scorer, record)
    assert scorer.passes == 1
    assert record.sizes == [6]


async def test_no_texts_need_no_scorer() -> None:
    scorer = ScriptedScorer({})
    assert await folded([], scorer) == []
    assert scorer.passes == 0


async def test_without_scores_there_is_nothing_to_fold() -> None:
    scorer = ScriptedScorer({})
    scorer.fail(1)
    with pytest.raises(ScorerUnavailable):
        await folded(["an id\u200biot"], scorer)
