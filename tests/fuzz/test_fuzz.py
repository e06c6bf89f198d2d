"""Nothing that is flagged can be read anywhere in an answer, whatever is asked for and however it is written."""

import pytest

from tests.fuzz.case import drawn
from tests.fuzz.faults import FAULTS
from tests.fuzz.run import Found, fuzz

STREAMS = 5_000
ENOUGH = 2_000
"""Streams within which a fault has to be found."""


async def played(count: int, *, enough: int | None = None) -> Found:
    return await fuzz(range(count), enough=enough, tell=lambda progress: None)


@pytest.mark.timeout(600)
async def test_nothing_flagged_leaves_and_every_answer_ends() -> None:
    found = await played(STREAMS)
    assert [f"{fault} (--only {case.number})" for case, fault in found.wrong[:5]] == []
    assert found.streams == STREAMS and found.compared > STREAMS / 100
    assert found.refused < STREAMS / 5, "most of what is drawn is served"
    assert min(found.features.values()) > STREAMS / 500, "every feature is drawn often"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_seeded_fault_is_found(fault: str) -> None:
    with FAULTS[fault]():
        assert not (await played(ENOUGH, enough=1)).clean


def test_the_same_number_draws_the_same_case() -> None:
    from server.engine.drafting.scripted import Vocabulary

    class Tokenizer(Vocabulary):
        eos_token_id = Vocabulary.end
        all_special_ids = (Vocabulary.end,)

        def encode(self, text: str, add_special_tokens: bool = False) -> list[int]:
            return super().encode(text)

        def __len__(self) -> int:
            return 300

    one, two = (drawn(7, Tokenizer()) for _ in range(2))
    assert (one.body, one.route, one.features, one.scorer) == (two.body, two.route, two.features, two.scorer)
