import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.judge import TOLD_BY, Judge
from filters.languages import UNKNOWN, Found
from filters.passage import Passage
from filters.scorer import Scorer, ScorerUnavailable, Scores
from filters.scorers.scripted import ScriptedScorer
from filters.span import TextSpan
from filters.standard import Standard
from filters.thresholds import Thresholds
from filters.verdict import Cleared, Flagged, Verdict
from tests.filters.test_batcher import Record, batching
from tests.filters.test_scoring_thread import BoundingScorer
from tests.properties import examples

THRESHOLDS = Thresholds({"toxicity": 0.5, "insult": 0.3})
RUDE = Passage("Hello, you idiot, go away", 7)


class Drowning:
    """A scorer that sees a word only if it is among few others."""

    name = "drowning"
    categories = ("toxicity", "insult")

    def score(self, texts: Sequence[str]) -> list[Scores]:
        return [dict.fromkeys(self.categories, 0.9 * ("idiot" in text and len(text) < 60)) for text in texts]

    def ready(self) -> bool:
        return True


def rude_scorer() -> ScriptedScorer:
    return ScriptedScorer({"idiot": 0.9, "silly": 0.4}, categories=("toxicity", "insult"))


async def judged(
    scorer: Scorer, passage: Passage, thresholds: Thresholds = THRESHOLDS, record: Record | None = None
) -> Verdict:
    async with batching(scorer, record) as batcher:
        return await Judge(batcher).judge(passage, Standard(thresholds))


async def test_a_clean_passage_is_cleared_with_its_scores() -> None:
    assert await judged(rude_scorer(), Passage("Hello there", 0)) == Cleared({"toxicity": 0.0, "insult": 0.0})


async def test_a_rude_passage_is_flagged_from_the_onset_to_its_end() -> None:
    scores = {"toxicity": 0.9, "insult": 0.9}
    assert await judged(rude_scorer(), RUDE) == Flagged(TextSpan(11, len(RUDE.text)), scores, ("insult", "toxicity"))


async def test_the_thresholds_decide() -> None:
    passage = Passage("you silly", 0)
    assert isinstance(await judged(rude_scorer(), passage, Thresholds({"toxicity": 0.5})), Cleared)
    assert isinstance(await judged(rude_scorer(), passage, Thresholds({"toxicity": 0.4})), Flagged)
    assert isinstance(await judged(rude_scorer(), RUDE, Thresholds({})), Cleared)


@pytest.mark.parametrize(
    "disguised",
    [
        *("i d i o t", "id\u200biot", "1diot", "i-d-i-o-t", "\uff49diot", "idiiiot", "id!ot", "aWRpb3Q=", "%69diot"),
        *("&#105;&#100;&#105;&#111;&#116;", "69 64 69 6f 74", r"\u0069\u0064\u0069ot", "%69%64%69%6f%74"),
    ],
)
async def test_a_disguised_word_is_flagged_from_its_first_letter(disguised: str) -> None:
    text = f"Hello, you {disguised}, go away"
    verdict = await judged(rude_scorer(), Passage(text, 7))
    assert isinstance(verdict, Flagged)
    assert verdict.span == TextSpan(text.index(disguised), len(text))


async def test_a_disguise_that_begins_in_the_context_is_read_as_a_whole() -> None:
    passage = Passage("Hello, you i d i o t", 15)
    verdict = await judged(rude_scorer(), passage)
    assert isinstance(verdict, Flagged)
    assert verdict.span == TextSpan(15, len(passage.text))


async def test_another_reading_of_a_passage_is_judged_with_it_and_all_of_the_fresh_text_goes() -> None:
    passage = Passage("Hello, you id[end]iot, friend", 7, also_read=("Hello, you idiot, friend",))
    verdict = await judged(rude_scorer(), passage)
    assert isinstance(verdict, Flagged) and verdict.span == TextSpan(7, len(passage.text))
    assert isinstance(await judged(rude_scorer(), Passage(passage.text, 7, also_read=("Hello, friend",))), Cleared)


async def test_a_word_is_flagged_whole_though_it_began_elsewhere() -> None:
    verdict = await judged(rude_scorer(), Passage("idiot, go away", 3, lead=3))
    assert isinstance(verdict, Flagged) and verdict.span == TextSpan(3, 14)


async def test_a_beginning_that_is_as_bad_by_itself_says_nothing_of_its_end() -> None:
    scorer = ScriptedScorer({"silly": 0.9, "sillybilly": 0.97}, categories=("toxicity", "insult"))
    assert isinstance(await judged(scorer, Passage("sillyness is fine", 5, lead=5)), Cleared)
    assert isinstance(await judged(scorer, Passage("sillybilly is fine", 5, lead=5)), Flagged), "its end makes it worse"
    later = await judged(scorer, Passage("sillyness, you silly", 5, lead=5))
    assert isinstance(later, Flagged) and later.span == TextSpan(15, 20)


async def test_a_verdict_takes_the_highest_score_of_each_category_over_the_readings() -> None:
    assert await judged(rude_scorer(), Passage("such s i l l y people", 0), Thresholds({"toxicity": 0.5})) == Cleared(
        {"toxicity": 0.4, "insult": 0.4}
    )


@pytest.mark.parametrize("text", ["", " ", "\n\t \u3000"])
async def test_white_space_is_cleared_without_a_score(text: str) -> None:
    record = Record()
    assert await judged(rude_scorer(), Passage(text, 0), record=record) == Cleared({"toxicity": 0.0, "insult": 0.0})
    assert record.sizes == []


async def test_without_scores_there_is_no_verdict() -> None:
    scorer = rude_scorer()
    scorer.fail(1)
    with pytest.raises(ScorerUnavailable):
        await judged(scorer, RUDE)


async def test_if_only_the_place_cannot_be_found_all_of_the_fresh_text_is_flagged() -> None:
    class FailsSecond(ScriptedScorer):
        def score(self, texts: Sequence[str]) -> list[Scores]:
            if self.passes == 1:
                self.fail(1)
            return super().score(texts)

    verdict = await judged(FailsSecond({"idiot": 0.9}), RUDE)
    assert isinstance(verdict, Flagged)
    assert verdict.span == TextSpan(RUDE.fresh, len(RUDE.text))


@examples(60)
@given(st.lists(st.sampled_from(["so", "idiot", "nice!", "你好", " ", "."])).map(" ".join), st.integers(0, 60))
async def test_a_flag_lies_in_the_fresh_text_and_reaches_its_end(text: str, fresh: int) -> None:
    passage = Passage(text, min(fresh, len(text)))
    verdict = await judged(rude_scorer(), passage)
    assert isinstance(verdict, Flagged) == ("idiot" in text)
    if isinstance(verdict, Flagged):
        assert passage.fresh <= verdict.span.start <= verdict.span.end == len(text)


async def test_it_knows_the_name_of_its_scorer() -> None:
    async with batching(rude_scorer()) as batcher:
        assert Judge(batcher).scorer_name == Judge(batcher).gate == "scripted"


async def test_texts_are_scored_in_order_and_blank_ones_without_a_scorer() -> None:
    record = Record()
    async with batching(ScriptedScorer({"idiot": 0.9}), record) as batcher:
        scores = await Judge(batcher).scores(["", "idiot", " \n", "hello"])
    assert [one["toxicity"] for one in scores] == [0.0, 0.9, 0.0, 0.0]
    assert record.sizes == [2]


async def test_asking_an_unavailable_judge_again_finds_it_recovered() -> None:
    scorer = rude_scorer()
    async with batching(scorer) as batcher:
        judge = Judge(batcher)
        assert judge.available()
        scorer.fail(1)
        with pytest.raises(ScorerUnavailable):
            await judge.judge(RUDE, Standard(THRESHOLDS))
        asked = 1
        while not judge.available():
            asked += 1
            await asyncio.sleep(0)
        assert asked > 1
        assert isinstance(await judge.judge(RUDE, Standard(THRESHOLDS)), Flagged)


async def test_a_scorer_with_bounds_is_told_the_thresholds() -> None:
    scorer = BoundingScorer()
    assert await judged(scorer, Passage("a calm day", 0)) == Cleared({"toxicity": 0.15})
    assert scorer.asked == [[THRESHOLDS.values]]


async def test_scores_that_are_shown_are_exact() -> None:
    scorer = BoundingScorer()
    async with batching(scorer) as batcher:
        assert await Judge(batcher).scores(["a calm day"]) == [{"toxicity": 0.0}]
    assert scorer.asked == []


_PLAIN = "The river is wide here and the boats are slow. "


@pytest.mark.parametrize("before", [0, 1, 4])
@pytest.mark.parametrize("behind", [0, 1, 4])
async def test_plain_sentences_around_an_insult_do_not_hide_it(before: int, behind: int) -> None:
    text = f"{_PLAIN * before}And you are an idiot. {_PLAIN * behind}"
    verdict = await judged(Drowning(), Passage(text, 0))
    assert isinstance(verdict, Flagged)
    assert verdict.span == TextSpan(text.index("idiot"), len(text))


async def test_sentences_that_were_over_before_the_fresh_text_are_not_judged_again() -> None:
    text = f"You are an idiot. {_PLAIN * 2}"
    assert isinstance(await judged(Drowning(), Passage(text, text.index("The"))), Cleared)
    assert isinstance(await judged(Drowning(), Passage(text, text.index("idiot") + 2)), Flagged)


def by_capitals(text: str) -> Found:
    """Text in capitals is German and text in small letters English; a few letters, or both kinds, are in doubt."""
    letters = [letter for letter in text if letter.isalpha()]
    german = sum(letter.isupper() for letter in letters) / max(1, len(letters))
    sure = len(letters) > 5
    return Found({"de": german * (0.99 if sure else 0.5), "en": (1 - german) * (0.99 if sure else 0.5)}, len(letters))


HELD = Standard(Thresholds({"toxicity": 0.5}), {"de": Thresholds({"toxicity": 0.95})}, minds_unread=True)


async def heard(passage: Passage, standard: Standard = HELD, read: frozenset[str] = frozenset({"en"})) -> Verdict:
    scorer = ScriptedScorer({"idiot": 0.9}, languages=read)
    async with batching(scorer) as batcher:
        return await Judge(batcher, find=by_capitals).judge(passage, standard)


_SHOUTED = "GEHT ES IHNEN GUT? "


async def test_text_that_is_surely_in_a_language_is_held_against_its_thresholds() -> None:
    assert isinstance(await heard(Passage("SO EIN IDIOT IST DAS", 0)), Cleared)
    assert isinstance(await heard(Passage("what an idiot he is", 0)), Flagged)


@pytest.mark.parametrize("fresh", [0, 19, 24])
@pytest.mark.parametrize("tail", ["you are an idiot, you", "an idiot"])
async def test_a_change_of_language_or_a_doubt_is_no_way_around(tail: str, fresh: int) -> None:
    verdict = await heard(Passage(f"{_SHOUTED * 8}{tail}.", 8 * len(_SHOUTED)))
    assert isinstance(verdict, Flagged) and verdict.exceeded == ("toxicity",)
    assert isinstance(await heard(Passage(f"{_SHOUTED}{tail}.", min(fresh, len(_SHOUTED)))), Flagged)


@pytest.mark.parametrize(
    ("text", "fresh", "unread"),
    [
        ("all is well here. " * 3, 0, False),
        (_SHOUTED * 3, 0, True),
        (f"all is well here. {_SHOUTED}all is well. ", 0, True),
        (f"{_SHOUTED}all is well here, as it was. " + "all is well here, all the day. " * 3, 60, False),
        ("all is well here. NEIN", 0, False),
    ],
)
async def test_a_sentence_that_is_not_read_is_told(text: str, fresh: int, unread: bool) -> None:
    verdict = await heard(Passage(text, fresh))
    assert isinstance(verdict, Cleared) and verdict.unread == unread
    assert not (await heard(Passage(text, fresh), read=frozenset({"de", "en"}))).unread
    assert not (await heard(Passage(text, fresh), Standard(THRESHOLDS))).unread, "nobody minds"


async def test_what_is_flagged_may_be_unread_too() -> None:
    assert (await heard(Passage("IDIOT ALLE MITEINANDER", 0), Standard(THRESHOLDS, minds_unread=True))).unread


async def test_the_language_of_a_long_text_is_told_by_its_beginning() -> None:
    asked: list[int] = []

    def finder(text: str) -> Found:
        asked.append(len(text))
        return Found({}, 0)

    async with batching(rude_scorer()) as batcher:
        judge = Judge(batcher, find=finder)
        assert judge.language("a" * 5 * TOLD_BY).language == UNKNOWN and asked == [TOLD_BY]
        assert judge.languages is None
        await judge.judge(Passage("all is well", 0), Standard(THRESHOLDS))
        assert asked == [TOLD_BY], "languages are not looked for where nobody minds"
