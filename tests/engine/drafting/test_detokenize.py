"""Our own run of vLLM's detokenizer, with the bundled tokenizer."""

from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer
from vllm.sampling_params import SamplingParams
from vllm.v1.engine.detokenizer import IncrementalDetokenizer as PlainDetokenizer

from server.engine.drafting.detokenize import VllmDetokenizer, detokenizers, unfinished_word
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
    """The prompt leak of a resubmitted request: the reason why the text of the request in vLLM is never used."""
    part = ids("\U0001f987")[:-1]
    made = VllmDetokenizer(tokenizer(), ids(PROMPT), SamplingParams())
    for token in [*part, *ids(" town")]:
        made.feed(token, terminal=False)
    assert PROMPT not in made.text


def test_a_stop_string_ends_the_text_before_it() -> None:
    made = detokenizers(tokenizer(), [], SamplingParams(stop=["town"]))()
    stop = next(filter(None, (made.feed(token, terminal=False) for token in ids("the town is"))))
    assert (stop, made.text[: made.said], made.text) == ("town", "the ", "the town")


def test_a_stop_string_that_is_part_of_the_answer_ends_it_behind_itself() -> None:
    made = fed(ids("the town"), stop=["tow"], include_stop_str_in_output=True)
    assert (made.text[: made.said], made.text) == ("the tow", "the town")


def test_no_stop_string_ends_a_text_that_is_too_short() -> None:
    tokens = ids("the town is")
    assert fed(tokens, stop=["town"], min_tokens=len(tokens), max_tokens=99).said == len("the town is")


@given(
    st.text(st.sampled_from("ab \u65e5\U0001f987"), max_size=12),
    st.sampled_from(["a", "b ", "ab", "aab"]),
    st.booleans(),
)
def test_the_answer_ends_where_plain_vllm_ends_it(text: str, stop: str, included: bool) -> None:
    params = SamplingParams(stop=[stop], include_stop_str_in_output=included)
    plain = PlainDetokenizer.from_new_request(
        tokenizer(), SimpleNamespace(sampling_params=params, prompt_token_ids=[], prompt_embeds=None, request_id="r")
    )
    ours = VllmDetokenizer(tokenizer(), [], params)
    for at, token in enumerate(tokens := ids(text)):
        last = at == len(tokens) - 1
        stopped = plain.update([token], last), ours.feed(token, terminal=last)
        assert stopped[0] == stopped[1] and ours.text[: ours.said] == plain.output_text
        if stopped[0]:
            break


@pytest.mark.parametrize(("stop", "kept", "unsettled"), [(["abc"], False, 2), (["abc"], True, 0), ([], False, 0)])
def test_it_says_how_much_a_stop_string_may_still_take_back(stop: list[str], kept: bool, unsettled: int) -> None:
    assert fed([], stop=stop, include_stop_str_in_output=kept).unsettled == unsettled


def test_a_terminal_token_is_spelled_and_not_said() -> None:
    made = fed(ids("town"))
    made.feed(ids(" is")[0], terminal=True)
    assert made.text.startswith("town ") and made.text[: made.said] == "town"


def test_the_end_token_spells_nothing() -> None:
    made = fed(ids("town"))
    made.feed(tokenizer().eos_token_id, terminal=True)
    made.close()
    assert made.text == "town"


def test_at_the_end_what_waits_for_the_rest_of_a_character_is_spelled_as_far_as_it_goes() -> None:
    """A token may hold a word and the beginning of a character: alone it shows the word."""
    bat = ids("\U0001f987")
    made = fed([*ids("town"), bat[0]])
    made.close()
    assert (made.text, made.said) == ("town", 4)
    made = fed([bat[0]])
    made._tokenizer = Whole()
    made.close()
    assert (made.text, made.said) == ("word", 0)


class Whole:
    """A tokenizer one token of which is a word with the beginning of a character behind it."""

    def decode(self, tokens: list[int], *, skip_special_tokens: bool) -> str:
        return "word\ufffd"


def test_a_text_that_shows_special_tokens_is_read_without_them_too() -> None:
    end = tokenizer().eos_token
    assert fed([], skip_special_tokens=False).also_read(f"the to{end}wn") == ("the town",)
    assert fed([], skip_special_tokens=False).also_read("the town") == ()
    assert fed([]).also_read(f"the to{end}wn") == (), "the text never shows them, and its ids with them hide nothing"


@pytest.mark.parametrize(
    ("prompt", "word"),
    [("The town of Ber", "Ber"), ("The town ", ""), ("The town.", ""), ("", ""), ("semi-det", "semi-det")],
)
def test_the_word_in_which_a_prompt_ends(prompt: str, word: str) -> None:
    assert unfinished_word(tokenizer(), ids(prompt)) == word


def test_no_word_goes_on_behind_a_special_token() -> None:
    assert unfinished_word(tokenizer(), [*ids("The to"), tokenizer().eos_token_id]) == ""
    assert unfinished_word(tokenizer(), [tokenizer().eos_token_id, *ids("wn")]) == "wn"
