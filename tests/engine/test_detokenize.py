"""Our own run of vLLM's detokenizer, with the bundled tokenizer."""

from functools import lru_cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer
from vllm.sampling_params import SamplingParams

from server.engine.detokenize import VllmDetokenizer, detokenizers
from server.settings import BUNDLED_MODEL

PROMPT = "The town "


@lru_cache(maxsize=1)
def tokenizer() -> Any:
    return AutoTokenizer.from_pretrained(BUNDLED_MODEL)


def ids(text: str) -> list[int]:
    return list(tokenizer().encode(text, add_special_tokens=False))


def fed(tokens: list[int], **params: Any) -> VllmDetokenizer:
    made = detokenizers(tokenizer(), ids(PROMPT), SamplingParams(**params))()
    for token in tokens:
        made.feed(token, terminal=False)
    return made


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=20))
def test_text_comes_back_as_it_was(text: str) -> None:
    assert fed(ids(text)).text.replace("\ufffd", "") in (text, text.rstrip("\ufffd"))


def test_a_character_of_several_tokens_appears_with_its_last_one() -> None:
    tokens = ids("\U0001f987")
    assert len(tokens) > 1
    lengths = [len(fed(tokens[:count]).text) for count in range(len(tokens) + 1)]
    assert lengths == [0] * len(tokens) + [1]


def test_a_fresh_one_never_gives_out_its_prompt_even_if_that_ends_inside_a_character() -> None:
    """The prompt leak of a resubmitted request: the reason why the inner request's text is never used."""
    part = ids("\U0001f987")[:-1]
    made = VllmDetokenizer(tokenizer(), ids(PROMPT), SamplingParams())
    for token in [*part, *ids(" town")]:
        made.feed(token, terminal=False)
    assert PROMPT not in made.text


def test_a_stop_string_ends_the_text_before_it() -> None:
    made = detokenizers(tokenizer(), [], SamplingParams(stop=["town"]))()
    stop = next(filter(None, (made.feed(token, terminal=False) for token in ids("the town is"))))
    assert (stop, made.text) == ("town", "the ")


@pytest.mark.parametrize(("stop", "kept", "unsettled"), [(["abc"], False, 2), (["abc"], True, 0), ([], False, 0)])
def test_it_says_how_much_a_stop_string_may_still_take_back(stop: list[str], kept: bool, unsettled: int) -> None:
    assert fed([], stop=stop, include_stop_str_in_output=kept).unsettled == unsettled


def test_a_terminal_token_has_no_text() -> None:
    made = fed(ids("town"))
    made.feed(ids("town")[0], terminal=True)
    assert made.text == "town"
