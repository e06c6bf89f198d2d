from filters.scorers.scripted import ScriptedScorer
from filters.thresholds import Thresholds
from tests.training.answering import answering
from training import samples
from training.examples import CATEGORIES
from training.masking import Masking
from training.samples import COMPLETIONS, CONVERSATIONS, Answer, Sample

_MASKING = Masking(
    ScriptedScorer({"idiot": 0.9}, categories=CATEGORIES), Thresholds(dict.fromkeys(CATEGORIES, 0.5)), ["twit"]
)


async def test_every_sample_is_told_in_both_modes_with_one_seed() -> None:
    with answering() as (base_url, asked):
        told = await samples.tell(base_url, seed=5)
    assert [len(sample.said) for sample in told] == [*map(len, CONVERSATIONS), 1, 1, 1]
    for sample in told:
        assert set(sample.plain) == {Answer(" you idiot", "unguarded", 0)}
        assert set(sample.guarded) == {Answer(" my friend", "rewound", 1)}
    completions = [body for body in asked if "prompt" in body]
    assert [body["seed"] for body in completions] == [5, 5, 6, 6, 7, 7]
    assert {(body["max_tokens"], body["temperature"]) for body in asked} == {(60, 0.8)}


async def test_each_turn_has_those_before_it_in_view() -> None:
    with answering() as (base_url, asked):
        await samples.tell(base_url, seed=0)
    guarded = [body["messages"] for body in asked if "messages" in body and body["detox"]["mode"] == "enforce"]
    first, second = CONVERSATIONS[0][:2]
    assert [(m["role"], m["content"]) for m in guarded[1]] == [
        ("user", first),
        ("assistant", "my friend"),
        ("user", second),
    ]


def test_there_are_three_of_each() -> None:
    assert len(CONVERSATIONS) == len(COMPLETIONS) == 3


def test_rows_stand_side_by_side_and_rude_words_are_masked_in_both() -> None:
    plain = Answer("you idiot", "unguarded", 0), Answer("fine", "unguarded", 0)
    guarded = Answer("a twit", "rewound", 2), Answer("", "refused", 1)
    sample = Sample("Conversation 1", ("Hello", "And?"), plain, guarded)
    _, table, note = samples.blocks([sample], _MASKING, seed=4)
    assert table.splitlines()[2:] == [
        "| Conversation 1 | Hello | (flagged) you i**** | a t*** | rewound, 2 rewinds |",
        "|  | And? | fine | (nothing) | refused, 1 rewind |",
    ]
    assert "seed 4" in note
