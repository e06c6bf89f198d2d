"""What one choice came to, as the driver tells it: where it was flagged, and no text but what left."""

import pytest

from server.generation.telling import FlaggedText, within
from server.policy.policy import Policy
from tests.generation.stage import policy, staged, text_of

RUDE = "well you idiot said the fox to the hen"
POLITE = "well you friend said the fox to the hen"


def test_a_span_ends_where_the_released_text_does() -> None:
    spans = [FlaggedText(2, 9, "a", True), FlaggedText(7, 9, "b", False), FlaggedText(1, 4, "c", False)]
    assert within(spans, 5) == (
        FlaggedText(2, 5, "a", True),
        FlaggedText(5, 5, "b", True),
        FlaggedText(1, 4, "c", False),
    )


@pytest.mark.parametrize(("keep", "text"), [("none", None), ("released", None), ("all", " idiot")])
async def test_what_was_taken_back_is_told_by_the_place_of_what_is_said_instead(keep: str, text: str | None) -> None:
    async with staged(RUDE, POLITE, policy=policy(keep_text=keep), whole=True, in_step=True) as stage:
        said = text_of(await stage.play())
        answered = stage.guarded.record()
    (span,) = answered.spans
    assert (answered.text, answered.report.action) == (said, "rewound")
    assert (span.start, span.taken_back, span.category) == (8, True, "toxicity")
    assert said[span.start :].startswith(" friend") and span.end > span.start
    assert span.text == text or (text is not None and span.text is not None and span.text.startswith(text))


async def test_what_was_withheld_has_no_place_but_the_end() -> None:
    async with staged(RUDE, policy=policy(max_rewinds=0, keep_text="all"), whole=True) as stage:
        await stage.play()
        answered = stage.guarded.record()
    (span,) = answered.spans
    assert (answered.text, answered.report.action) == ("", "refused")
    assert (span.start, span.end, span.taken_back) == (0, 0, True) and "idiot" in str(span.text)


async def test_a_mask_is_what_is_said_instead() -> None:
    masking = policy(max_rewinds=0, on_exhausted="mask", mask_text="[gone]")
    async with staged(RUDE, policy=masking, whole=True, in_step=True) as stage:
        said = text_of(await stage.play())
        answered = stage.guarded.record()
    (span,) = answered.spans
    assert span.taken_back and said[span.start : span.end].strip() == "[gone]"


async def test_what_is_monitored_is_told_once_it_is_settled() -> None:
    async with staged(RUDE, policy=policy(mode="monitor")) as stage:
        said = text_of(await stage.play())
        await stage.guarded.tasks.ended()
        answered = stage.guarded.record()
    assert "idiot" in said and answered.report.spans_flagged
    assert any("idiot" in said[span.start : span.end] and not span.taken_back for span in answered.spans)


async def test_two_rewinds_are_two_spans() -> None:
    async with staged(RUDE, "well you moron said", POLITE, policy=policy(), whole=True, in_step=True) as stage:
        await stage.play()
        spans = stage.guarded.record().spans
    assert len(spans) == 2 and {span.start for span in spans} == {8}


def test_the_default_keeps_nothing() -> None:
    assert Policy().keep_text == "none"
