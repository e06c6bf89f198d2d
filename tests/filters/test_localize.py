from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from filters.localize import NEARLY, onset, onset_candidates
from filters.passage import Passage
from filters.scorer import Scores, ThresholdValues
from filters.scorers.detoxify import DetoxifyScorer
from filters.scorers.scripted import ScriptedScorer
from filters.thresholds import Thresholds
from tests.filters.test_batcher import Record, batching
from tests.properties import examples

THRESHOLDS = Thresholds({"toxicity": 0.5})
WORDS = st.sampled_from(["so", "well,", "nice!", "你好", "...", "day\n"])


async def found(passage: Passage, record: Record | None = None) -> int:
    async with batching(ScriptedScorer({"idiot": 0.9, "f**l": 0.8}), record) as batcher:
        return await onset(passage, batcher, THRESHOLDS)


@pytest.mark.parametrize(
    ("text", "fresh", "start"),
    [
        ("Hello, you idiot, go away.", 0, 11),
        ("Hello, you idiot, go away.", 7, 11),
        ("Hello, you idiot", 10, 11),
        ("Hello, you idiot!!", 13, 13),
        ("you f**l and idiot", 0, 4),
        ("你好idiot", 0, 2),
        ("what a day. idiot ", 4, 12),
    ],
)
async def test_the_onset_is_the_start_of_the_word_that_tips_it(text: str, fresh: int, start: int) -> None:
    assert await found(Passage(text, fresh)) == start


@pytest.mark.parametrize(
    "row",
    [
        *("i d i o t", "i.d.i.o.t", "i \u200bd \u200bi \u200bo \u200bt", "i  d  i  0  t", "id!ot"),
        *("&#105;&#100;&#105;&#111;&#116;", "69 64 69 6f 74", "aWRpb3Q="),
    ],
)
async def test_the_onset_of_a_disguised_word_is_its_first_letter(row: str) -> None:
    text = f"What a day, you {row} over there"
    assert await found(Passage(text, 5)) == text.index(row)
    within = text.index(row) + 2
    assert await found(Passage(text, within)) == within


async def test_what_was_already_too_much_before_the_fresh_text_begins_with_its_first_word() -> None:
    assert await found(Passage("You idiot, how are you", 11)) == 11


async def test_a_single_word_needs_no_scores() -> None:
    record = Record()
    assert await found(Passage("Hello you idiot!", 9), record) == 10
    assert record.sizes == []


async def test_fresh_text_without_a_word_begins_at_its_start() -> None:
    assert await found(Passage("You idiot ...", 9)) == 9


@examples(60)
@given(st.lists(WORDS, max_size=40), st.lists(WORDS, max_size=40), st.integers(0, 400))
@example(["so"] * 40, ["so"] * 40, 0)
async def test_it_is_found_exactly_never_before_fresh_and_by_halving(
    before: list[str], after: list[str], fresh: int
) -> None:
    text = " ".join([*before, "idiot", *after])
    true_onset = text.index("idiot")
    passage = Passage(text, min(fresh, true_onset))
    record = Record()
    assert await found(passage, record) == true_onset
    words = len(onset_candidates(passage))
    assert record.sizes == [1] * len(record.sizes)
    assert len(record.sizes) <= (words - 1).bit_length()


async def test_the_real_classifier_turns_at_the_rude_word(detoxify_scorer: DetoxifyScorer) -> None:
    text = "Thank you for your letter about the garden. You are an idiot and I am leaving"
    async with batching(detoxify_scorer) as batcher:
        start = await onset(Passage(text, 10), batcher, THRESHOLDS)
    assert text[start:].startswith("idiot")


class _Summing(ScriptedScorer):
    """Scores that add up over the words; notes for what thresholds it was asked."""

    def _highest(self, text: str) -> float:
        return min(1.0, sum(score for word, score in self._words.items() if word in text))

    def bounds(self, texts: Sequence[str], thresholds: Sequence[ThresholdValues]) -> list[Scores]:
        self.thresholds = thresholds[0]
        return self.score(texts)


@pytest.mark.parametrize("before", ["well you are so", "are so", "on and on we go and you are so"])
@pytest.mark.parametrize("after", ["indeed my friend", "and indeed", "or so they say at least and indeed"])
async def test_the_word_that_loads_the_scales_is_the_onset_and_not_the_one_that_tips_them(
    before: str, after: str
) -> None:
    text = f"{before} dim {after}"
    scorer = _Summing({"dim": 0.48, "indeed": 0.04, "friend": 0.2})
    async with batching(scorer, None) as batcher:
        assert await onset(Passage(text, 0), batcher, THRESHOLDS) == text.index("dim")
    assert scorer.thresholds == {"toxicity": 0.5 * NEARLY}, "a screen may tell what lies below"
