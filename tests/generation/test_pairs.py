"""What was rejected, and what was said instead: by itself, and as the driver tells it."""

import asyncio
from contextlib import aclosing
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.engine.drafting.scripted import Vocabulary, WordDetokenizer
from server.generation.draft import Draft
from server.generation.pairs import Pair, Rejections
from server.generation.transcript import Transcript
from server.guard.events import Flagged, TokenSpan
from server.policy.policy import Policy
from tests.generation.stage import PairList, ending_of, policy, staged, text_of, until
from tests.guard.policies import policies, seeds
from tests.properties import examples

VOCABULARY = Vocabulary(longest=16)
"""A word a token."""


class Said:
    """A choice whose words are written, flagged, cut and cleared by hand."""

    def __init__(self, text: str, *, kept: bool = True) -> None:
        self.transcript = Transcript(lambda: WordDetokenizer(VOCABULARY))
        self.rejections = Rejections(self.transcript, Policy(), kept=kept)
        self.write(text)

    def write(self, text: str) -> None:
        self.transcript.append(Draft(VOCABULARY.encode(text)))

    def rewound(self, end: int, to: int, text: str) -> None:
        """The window before word `end` was flagged, and `text` is written instead of what follows word `to`."""
        self.rejections.flagged(Flagged(0, TokenSpan(0, end), to), 0, "insult")
        self.rejections.rewound(to)
        self.transcript.cut(to)
        self.write(text)

    def pairs(self) -> list[tuple[str, str, str]]:
        return [(pair.prompt, pair.chosen, pair.rejected) for pair in self.rejections.pairs()]


def test_both_begin_where_it_was_rewound_to_and_end_with_their_windows() -> None:
    said = Said("well you idiot said the fox")
    said.rewound(4, 2, " friend of mine said the fox")
    said.rejections.cleared(5)
    assert said.pairs() == [("well you", " friend of mine", " idiot said")]


def test_a_text_that_was_cleared_only_at_its_end_is_chosen_to_its_end() -> None:
    said = Said("well you idiot said the fox")
    said.rewound(6, 1, " now.")
    assert said.pairs() == [("well", " now.", " you idiot said the fox")]


def test_every_rejected_text_of_a_place_has_its_pair_and_equal_ones_have_one() -> None:
    said = Said("well you idiot")
    for text in (" moron", " moron", " friend"):
        said.rewound(3, 2, text)
    said.rejections.cleared(3)
    assert said.pairs() == [("well you", " friend", " idiot"), ("well you", " friend", " moron")]


def test_a_later_rewind_from_further_back_moves_the_place_of_those_before() -> None:
    said = Said("well you idiot")
    said.rewound(3, 2, " moron")
    said.rewound(3, 0, "so do I")
    said.rejections.cleared(3)
    assert said.pairs() == [("", "so do I", "well you idiot"), ("", "so do I", "well you moron")]


def test_a_later_rewind_from_further_on_leaves_the_place_of_those_before() -> None:
    said = Said("well you idiot")
    said.rewound(3, 1, " my dear moron")
    said.rewound(4, 3, " friend")
    said.rejections.cleared(4)
    assert said.pairs() == [
        ("well", " my dear friend", " you idiot"),
        ("well my dear", " friend", " moron"),
    ]


def test_what_was_cleared_and_then_taken_back_is_not_chosen() -> None:
    said = Said("well you idiot")
    said.rewound(3, 2, " big friend and moron")
    said.rejections.cleared(5)
    said.rewound(6, 3, " fox")
    said.rejections.cleared(4)
    assert said.pairs() == [
        ("well you", " big fox", " idiot"),
        ("well you big", " fox", " friend and moron"),
    ]


def test_a_later_place_leaves_an_earlier_one_as_it_was() -> None:
    said = Said("well you idiot")
    said.rewound(3, 2, " friend and moron")
    said.rejections.cleared(3)
    said.rewound(5, 3, " fox")
    said.rejections.cleared(4)
    assert said.pairs() == [("well you", " friend", " idiot"), ("well you friend", " fox", " and moron")]


@pytest.mark.parametrize("instead", ["", " ", "  ", " idiot", " idiot said the", " idiot said the fox again"])
def test_texts_that_do_not_part_are_no_pair(instead: str) -> None:
    said = Said("well you idiot said the fox")
    said.rewound(6, 2, instead)
    assert said.pairs() == []


def test_white_space_is_not_chosen() -> None:
    said = Said("well you idiot")
    said.rewound(3, 2, "\n\n")
    assert said.pairs() == []


def test_nothing_is_kept_where_nobody_takes_it() -> None:
    said = Said("well you idiot", kept=False)
    said.rewound(3, 2, " friend")
    assert said.pairs() == [] and [span.text for span in said.rejections.spans()] == [None]


# As the driver tells it.

RUDE = "well you idiot said the fox to the hen"
POLITE = "well you friend said the fox to the hen"


async def _played(*texts: str, **options: Any) -> tuple[str, list[Pair]]:
    """What left, and the pairs."""
    async with staged(*texts, vocabulary=VOCABULARY, in_step=True, **{"pairs": PairList(), **options}) as stage:
        return text_of(await stage.play()), stage.guarded.pairs


@pytest.mark.parametrize("whole", [False, True])
async def test_a_rewind_that_was_cleared_gives_a_pair(whole: bool) -> None:
    text, (pair,) = await _played(RUDE, POLITE, whole=whole)
    assert text == POLITE
    assert (pair.prompt, pair.rejected) == ("well you", " idiot said the fox")
    assert pair.chosen == " friend said the fox"


async def test_a_restart_rejects_the_text_from_its_beginning() -> None:
    other = POLITE.replace("well", "so")
    _, (pair,) = await _played(RUDE, other, restart_only=True, whole=True)
    assert (pair.prompt, pair.rejected) == ("", "well you idiot said the fox") and other.startswith(pair.chosen)


async def test_a_ladder_that_goes_back_further_gives_a_pair_for_each_attempt() -> None:
    begun = "It rained. Then, well, you big"
    own = policy(ladder=("ban", "clause"))
    texts = (f"{begun} idiot said it.", f"{begun} moron said it.", "It rained. Then, well, a fox came.")
    text, pairs = await _played(*texts, policy=own, whole=True)
    assert text == texts[-1]
    assert [pair.prompt for pair in pairs] == ["It rained. Then, well,"] * 2
    assert [pair.rejected.split()[:3] for pair in pairs] == [["you", "big", "idiot"], ["you", "big", "moron"]]


async def test_clean_text_has_no_pairs() -> None:
    assert await _played(POLITE) == (POLITE, [])


@pytest.mark.parametrize("on_exhausted", ["refuse", "truncate", "mask", "flag"])
async def test_what_was_not_mended_has_no_pairs_nor_has_what_was_mended_before_it(on_exhausted: str) -> None:
    own = policy(on_exhausted=on_exhausted, max_rewinds=1)
    _, pairs = await _played(f"{RUDE} and {RUDE}", f"{POLITE} and {RUDE}", policy=own)
    assert pairs == []


@pytest.mark.parametrize("options", [{"policy": policy(mode="monitor")}, {"pairs": None}])
async def test_monitor_mode_has_no_pairs_nor_has_a_server_without_a_taker(options: dict[str, Any]) -> None:
    assert (await _played(RUDE, POLITE, **options))[1] == []


async def test_what_passed_unscored_is_not_chosen() -> None:
    own = policy(on_scorer_failure="open")
    async with staged(RUDE, POLITE, policy=own, in_step=True, pairs=PairList()) as stage:
        playing = asyncio.create_task(stage.play())
        await until(lambda: len(stage.engine.attempts) == 2)
        stage.scorer.fail(100)
        assert ending_of(await playing) == "stop"
        assert (stage.guarded.report.action, stage.guarded.pairs) == ("unguarded", [])


async def test_an_engine_that_gives_up_leaves_no_pairs() -> None:
    async with staged(RUDE, POLITE, ending="abort", pairs=PairList()) as stage:
        assert ending_of(await stage.play()) == "abort"
        assert stage.guarded.pairs == []


async def test_a_reader_that_leaves_before_the_end_leaves_no_pairs() -> None:
    async with staged(f"{RUDE} {RUDE}", f"{POLITE} {POLITE}", in_step=True, pairs=PairList()) as stage:
        async with aclosing(stage.guarded.pieces()) as reading:
            await anext(reading)
        assert stage.guarded.pairs == []


# Any text, any timing.

WORDS = {"idiot": 0.9, "moron": 0.7, "old fox": 0.8}
words = st.sampled_from(["the", "fox", "old", "hen", "idiot", "moron", "über", "said,", "日本", "no."])
wordings = st.lists(st.lists(words, max_size=14).map(" ".join), min_size=2, max_size=5)


@examples(250)
@given(policies(), wordings, seeds, st.booleans())
async def test_a_pair_parts_behind_the_same_text_and_chooses_what_was_released(
    own: Policy, texts: list[str], seed: int, whole: bool
) -> None:
    random = Random(seed)
    own = own.model_copy(update={"hold_back": 3, "context": max(3, own.context)})
    sizes = lambda: random.randint(1, 6)  # noqa: E731
    greedy = random.random() < 0.5
    async with staged(
        *texts, policy=own, words=WORDS, whole=whole, greedy=greedy, sizes=sizes, pairs=PairList()
    ) as stage:
        sent, report = text_of(await stage.play()), stage.guarded.report
        for pair in stage.guarded.pairs:
            assert report.action == "rewound"
            assert sent.startswith(pair.prompt + pair.chosen)
            assert not any(word in pair.prompt + pair.chosen for word in WORDS)
            assert any(word in pair.prompt + pair.rejected for word in WORDS)
            assert not pair.rejected.startswith(pair.chosen) and not pair.chosen.startswith(pair.rejected)
        assert len(stage.guarded.pairs) <= report.rewinds
