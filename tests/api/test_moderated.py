"""OpenAI's `moderation` in an answer: what is told as flagged, and what as an error. Its own client reads all of it."""

from typing import Any

import pytest
from openai.types.chat.chat_completion import Moderation as Listed
from openai.types.responses.response import Moderation as Single

from server.api.moderated import NO_VERDICT, listed, single
from server.generation.report import PromptFinding, Report
from server.guard.state import Action
from tests.api.requests import report, request

KIND = PromptFinding(False, {"insult": 0.1})


def made(action: Action = "clean", *, prompt: PromptFinding | None = KIND, **more: Any) -> Report:
    return report(action, prompt=prompt, scorer="scripted", **{"scores": {"insult": 0.1}, **more})


def told(*reports: Report) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the APIs say whose sides have one result."""
    body = single(request(*reports))
    Single.model_validate(body)
    return body["input"], body["output"]


def test_both_sides_of_a_clean_answer_have_openais_categories_and_the_scorers() -> None:
    for side in told(made()):
        assert (side["type"], side["model"], side["flagged"]) == ("moderation_result", "scripted", False)
        assert side["category_scores"]["insult"] == side["category_scores"]["harassment"] == 0.1
        assert side["category_applied_input_types"]["self-harm"] == []
        assert not any(side["categories"].values())


def test_a_chat_lists_a_result_for_each_choice_and_one_for_the_prompt() -> None:
    asked = request(made(), made("refused", scores={"insult": 0.9}, filtered=frozenset({"insult"})))
    body = listed(asked)
    Listed.model_validate(body)
    assert [each["flagged"] for each in body["output"]["results"]] == [False, True]
    assert [each["flagged"] for each in body["input"]["results"]] == [False]
    assert (body["output"]["type"], body["output"]["model"]) == ("moderation_results", "scripted")


def test_what_was_withheld_is_flagged_for_what_it_was_withheld_for() -> None:
    _, output = told(made("refused", scores={"insult": 0.9, "threat": 0.9}, filtered=frozenset({"insult"})))
    assert output["flagged"] and output["categories"]["insult"] and output["categories"]["harassment"]
    assert not output["categories"]["threat"]


def test_what_was_taken_back_on_the_way_flags_nothing() -> None:
    _, output = told(made("rewound", detected=frozenset({"insult"})))
    assert not output["flagged"]


def test_of_flagged_text_that_was_let_out_only_what_left_counts() -> None:
    scores = {"insult": 0.9, "threat": 0.1}
    _, output = told(made("flagged", scores=scores, detected=frozenset({"insult", "threat"})))
    assert output["flagged"] and output["categories"]["insult"] and not output["categories"]["threat"]


def test_text_withheld_as_nobody_could_read_it_is_flagged_without_a_category() -> None:
    _, output = told(made("refused"))
    assert output["flagged"] and not any(output["categories"].values())


def test_an_answer_that_the_end_of_the_server_cut_short_is_not_flagged() -> None:
    _, output = told(made().shut_down())
    assert not output["flagged"]


@pytest.mark.parametrize("action", ["refused", "unguarded"])
def test_without_a_verdict_there_is_an_error(action: Action) -> None:
    failed = made(action, scorer_failure="deadline")
    _, output = told(failed)
    assert (output["type"], output["code"]) == ("error", NO_VERDICT) and "deadline" in output["message"]
    assert listed(request(made(), failed))["output"]["type"] == "error", "the list has no place for it beside a result"


def test_a_scorer_that_came_back_and_flagged_has_a_verdict() -> None:
    _, output = told(made("refused", scorer_failure="deadline", filtered=frozenset({"insult"})))
    assert output["type"] == "moderation_result"


@pytest.mark.parametrize("prompt", [None, PromptFinding(None), PromptFinding(None, {"insult": 0.1})])
def test_a_prompt_without_a_verdict_is_an_error_and_the_output_is_not(prompt: PromptFinding | None) -> None:
    side, output = told(made(prompt=prompt))
    assert side["code"] == NO_VERDICT and output["type"] == "moderation_result"


def test_the_gravest_of_several_prompts_and_turns_counts() -> None:
    side, output = told(
        made(scores={"insult": 0.2}), made(prompt=PromptFinding(True, {"insult": 0.9}), scores={"insult": 0.3})
    )
    assert side["flagged"] and side["categories"]["insult"] and side["category_scores"]["insult"] == 0.9
    assert output["category_scores"]["insult"] == 0.3


def test_a_prompt_that_nobody_could_read_is_flagged_without_a_category() -> None:
    side, _ = told(made(prompt=PromptFinding(True, {"insult": 0.1}, unread=True)))
    assert side["flagged"] and not any(side["categories"].values())
