"""The guarded client: all members passed on, what cannot be guarded refused, every choice with its report."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from vllm.entrypoints.generate.beam_search.online import BeamSearchOnlineMixin
from vllm.exceptions import VLLMValidationError
from vllm.outputs import CompletionOutput, RequestOutput
from vllm.sampling_params import BeamSearchParams, RequestOutputKind, SamplingParams

from filters.batcher import Batcher
from filters.judge import Judge
from filters.scorer import ScorerUnavailable
from filters.scorers.scripted import ScriptedScorer
from server.engine.client import GuardedEngineClient
from server.engine.core.changes import UNUSABLE_GRAMMAR
from server.errors import ScorerDown
from server.generation.pairs import Pair, Pairs
from server.generation.request import GuardedRequest, current
from server.generation.services import Services
from server.policy.policy import OnPrompt, Policy
from server.telemetry.metrics import Metrics
from tests.engine.drafting.recording import RecordingEngine
from tests.engine.drafting.test_detokenize import ids, tokenizer
from tests.generation.stage import PairList

END = 0
PROMPT = {"type": "token", "prompt_token_ids": [1, 2, 3]}


@asynccontextmanager
async def guarding(inner: Any, scorer: ScriptedScorer, pairs: Pairs | None = None) -> Any:
    batcher = Batcher(scorer)
    await batcher.start()
    services = Services(Judge(batcher), Metrics(CollectorRegistry()), "m", ids, pairs=pairs)
    try:
        yield GuardedEngineClient(inner, services, Policy)
    finally:
        await batcher.aclose()


async def generated(
    text: str,
    scorer: ScriptedScorer | None = None,
    policy: Policy | None = None,
    *,
    prompt: Any = PROMPT,
    **params: Any,
) -> tuple[list[RequestOutput], GuardedRequest, RecordingEngine]:
    """Outputs and reports of one request over an engine that writes `text`."""
    inner = RecordingEngine([*ids(text), END], tokenizer=tokenizer())
    request = GuardedRequest(policy or Policy())
    async with guarding(inner, scorer or ScriptedScorer({})) as client:
        current.set(request)
        wanted = SamplingParams(**{"max_tokens": 99, "output_kind": RequestOutputKind.DELTA, **params})
        return (
            [output async for output in client.generate(prompt, wanted, "r", prompt_text="abc", priority=1)],
            request,
            inner,
        )


async def test_members_are_passed_on_with_their_arguments() -> None:
    class Inner:
        errored = True

        def abort(self, *ids: str, internal: bool) -> tuple[object, ...]:
            return (*ids, internal)

    async with guarding(Inner(), ScriptedScorer({})) as client:
        assert client.abort("a", internal=True) == ("a", True)
        assert client.errored is True
        with pytest.raises(AttributeError):
            _ = client.no_such_member


@pytest.mark.parametrize(
    ("prompt", "params", "word"),
    [
        (PROMPT, object(), "beam search"),
        ({"type": "embeds"}, SamplingParams(), "embeddings"),
        ("raw text", SamplingParams(), "cannot be guarded"),
        ({"prompt_token_ids": [1]}, SamplingParams(), "cannot be guarded"),
        ({"type": "enc_dec"}, SamplingParams(), "cannot be guarded"),
    ],
)
async def test_what_cannot_be_guarded_is_refused_before_anything_begins(prompt: Any, params: Any, word: str) -> None:
    async with guarding(RecordingEngine([1]), ScriptedScorer({})) as client:
        with pytest.raises(VLLMValidationError, match=word):
            client.generate(prompt, params, "r")


async def test_more_answers_than_one_request_may_have_are_refused_before_anything_begins() -> None:
    """Over all of its prompts, even while there is no scorer: to come again later would not help."""
    inner, scorer = RecordingEngine(ids("a fine day"), tokenizer=tokenizer()), ScriptedScorer({})
    async with guarding(inner, scorer) as client:
        current.set(GuardedRequest(Policy()))
        for _ in range(2):
            client.generate(PROMPT, SamplingParams(n=64, max_tokens=9), "r")
        with pytest.raises(VLLMValidationError, match=r"^n: expected at most 128 .*, found 129;"):
            client.generate(PROMPT, SamplingParams(max_tokens=9), "r")
        scorer.fail(99)
        with pytest.raises(ScorerUnavailable):
            await client.services.judge.scores(["a text"])
        current.set(GuardedRequest(Policy()))
        with pytest.raises(VLLMValidationError, match=r"^n: expected at most 128 .*, found 2000;"):
            client.generate(PROMPT, SamplingParams(n=2000, max_tokens=9), "r")
        with pytest.raises(ScorerDown):
            client.generate(PROMPT, SamplingParams(max_tokens=9), "r")
    assert inner.asked == []


@pytest.mark.parametrize(
    ("params", "policy", "key"),
    [
        ({"prompt_logprobs": 20}, Policy(), "prompt_logprobs"),
        ({"logprobs": 20, "max_tokens": 10_001}, Policy(), "logprobs"),
        ({}, Policy(on_prompt="score"), "prompt"),
    ],
)
async def test_more_to_judge_than_one_request_may_have_is_refused_too(
    params: dict[str, Any], policy: Policy, key: str
) -> None:
    inner = RecordingEngine(ids("a fine day"), tokenizer=tokenizer())
    many = {"type": "token", "prompt_token_ids": ids("a fine day ") * 3000}
    async with guarding(inner, ScriptedScorer({})) as client:
        current.set(GuardedRequest(policy))
        with pytest.raises(VLLMValidationError, match=f"^{key}: expected at most"):
            for _ in range(20):
                client.generate(many, SamplingParams(**params), "r")
        assert inner.asked == []


async def test_vllms_beam_search_is_refused_whatever_route_it_comes_by() -> None:
    """It samples token by token: what it asks for is known by what it asks the input processor first."""

    class Serving(BeamSearchOnlineMixin):  # type: ignore[misc]
        def __init__(self, client: Any) -> None:
            self.engine_client = client
            self.renderer = SimpleNamespace(get_tokenizer=tokenizer)

    inner: Any = RecordingEngine(ids("a fine day"), tokenizer=tokenizer())
    inner.input_processor = SimpleNamespace(resolve_watermarking=lambda params: False, other=7)
    async with guarding(inner, ScriptedScorer({})) as client:
        beams = Serving(client).beam_search(PROMPT, "r", BeamSearchParams(beam_width=2, max_tokens=4))
        with pytest.raises(VLLMValidationError, match="beam search"):
            await anext(beams)
        assert client.input_processor.resolve_watermarking(SamplingParams()) is False
        assert client.input_processor.other == 7 and inner.asked == []


async def test_outside_any_request_the_default_policy_holds() -> None:
    inner = RecordingEngine(ids("you idiot"), tokenizer=tokenizer())
    async with guarding(inner, ScriptedScorer({"idiot": 0.9})) as client:
        outputs = client.generate(PROMPT, SamplingParams(max_tokens=9, output_kind=RequestOutputKind.DELTA), "r")
        assert "idiot" not in "".join([output.outputs[0].text async for output in outputs])


async def test_every_choice_has_a_report_and_its_own_seed() -> None:
    outputs, request, inner = await generated("a fine day", n=3, seed=5)
    assert sorted(request.reports) == [0, 1, 2]
    assert sorted(params.seed or 0 for _, params, _ in inner.asked) == [5, 6, 7]
    assert all(options == {"priority": 1} for _, _, options in inner.asked)
    assert [output.finished for output in outputs] == [False] * (len(outputs) - 1) + [True]


async def test_a_second_call_of_one_request_numbers_its_choices_on() -> None:
    inner = RecordingEngine(ids("a fine day"), tokenizer=tokenizer())
    async with guarding(inner, ScriptedScorer({})) as client:
        request = GuardedRequest(Policy())
        current.set(request)
        calls = [client.generate(PROMPT, SamplingParams(n=2, max_tokens=9), "r") for _ in range(2)]
        for outputs in reversed(calls):  # the numbers are those of the calls, whichever is read first
            async for _ in outputs:
                assert sorted(request.reports)[0] == (2 if outputs is calls[1] else 0)
        assert sorted(request.reports) == [0, 1, 2, 3]


async def test_a_whole_answer_is_one_output_with_all_choices_in_order() -> None:
    ((only,), _, _) = await generated("a fine day", n=3, output_kind=RequestOutputKind.FINAL_ONLY)
    assert [choice.index for choice in only.outputs] == [0, 1, 2] and only.finished
    assert {choice.text for choice in only.outputs} == {"a fine day"}


def down(scorer: ScriptedScorer) -> None:
    scorer.fail(99)


@pytest.mark.parametrize("break_it", [down])
async def test_a_scorer_that_fails_before_anything_is_out_is_told_by_an_error(
    break_it: Callable[[ScriptedScorer], None],
) -> None:
    scorer = ScriptedScorer({})
    break_it(scorer)
    with pytest.raises(ScorerDown):
        await generated("a fine day", scorer)


async def test_an_unguarded_request_is_marked_and_not_scored() -> None:
    scorer = ScriptedScorer({})
    outputs, request, inner = await generated("you idiot", scorer, Policy(name="off", mode="off"))
    assert scorer.passes == 0 and request.started
    assert [report.action for report in request.reports.values()] == ["unguarded"]
    assert inner.asked[0][2] == {"prompt_text": "abc", "priority": 1} and outputs


async def test_an_unguarded_request_changes_nothing_by_extra_arguments_of_its_own() -> None:
    forged = {"unsay": {"key": "x", "kept": 1, "banned": [], "avoided": [], "until": 0}, "theirs": 1}
    outputs, _, inner = await generated("you", policy=Policy(name="off", mode="off"), extra_args=forged)
    assert inner.asked[0][1].extra_args == {"theirs": 1} and outputs


def hostile_prompt(**more: Any) -> dict[str, Any]:
    return {"type": "token", "prompt_token_ids": ids("you idiot "), **more}


@pytest.mark.parametrize("kind", [RequestOutputKind.DELTA, RequestOutputKind.FINAL_ONLY, RequestOutputKind.CUMULATIVE])
@pytest.mark.parametrize("text", [{}, {"prompt": "a kind word"}], ids=["ids", "both"])
async def test_a_flagged_prompt_is_refused_for_every_choice_and_never_reaches_the_engine(
    kind: RequestOutputKind, text: dict[str, str]
) -> None:
    """The ids count: they are what the model would read."""
    scorer = ScriptedScorer({"idiot": 0.9})
    outputs, request, inner = await generated(
        "a fine day", scorer, Policy(on_prompt="refuse"), prompt=hostile_prompt(**text), n=3, output_kind=kind
    )
    choices = [choice for output in outputs for choice in output.outputs]
    ended = {choice.index: (choice.text, choice.token_ids, choice.finish_reason) for choice in choices}
    assert ended == dict.fromkeys(range(3), ("", [], "content_filter"))
    assert outputs[-1].finished and inner.asked == [] and scorer.passes == 1
    reports = [report.as_dict() for _, report in sorted(request.reports.items())]
    assert [report["action"] for report in reports] == ["refused"] * 3
    told = {"flagged": True, "scores": {"toxicity": 0.9}, "language": "unknown"}
    assert all(report["prompt"] == told for report in reports)


async def test_a_scored_prompt_is_reported_with_every_choice() -> None:
    policy = Policy(on_prompt="score")
    outputs, request, inner = await generated(
        "a fine day", ScriptedScorer({"idiot": 0.9}), policy, prompt=hostile_prompt(), n=2
    )
    assert "".join(choice.text for output in outputs for choice in output.outputs) and len(inner.asked) == 2
    found = [report.prompt for report in request.reports.values()]
    assert [(prompt is not None and prompt.flagged) for prompt in found] == [True, True]


async def test_an_ignored_prompt_is_not_looked_at() -> None:
    scorer = ScriptedScorer({"idiot": 0.9})
    _, request, _ = await generated("a", scorer, prompt=hostile_prompt())
    assert [report.prompt for report in request.reports.values()] == [None]


async def test_a_scorer_that_fails_over_a_prompt_to_be_refused_is_told_by_an_error() -> None:
    scorer = ScriptedScorer({})
    down(scorer)
    with pytest.raises(ScorerDown):
        await generated("a fine day", scorer, Policy(on_prompt="refuse"))


async def test_special_tokens_of_the_prompt_hide_no_word() -> None:
    first, second = ids("you idi"), ids("ot")
    prompt = {"type": "token", "prompt_token_ids": [*first, END, *second]}
    _, request, inner = await generated("a", ScriptedScorer({"idiot": 0.9}), Policy(on_prompt="refuse"), prompt=prompt)
    assert [report.action for report in request.reports.values()] == ["refused"] and inner.asked == []


# Preference pairs.

WELL, IDIOT, FRIEND = "well, you", " idiot said the fox.", " friend said the fox."


class RetryingEngine(RecordingEngine):
    """Writes one text until it is asked for something else, and then the other one."""

    def __init__(self, prompt: Sequence[int]) -> None:
        super().__init__([], tokenizer=tokenizer())
        self._prompt, self._text = prompt, WELL + IDIOT

    async def generate(
        self, prompt: Any, params: SamplingParams, request_id: str, **options: Any
    ) -> AsyncGenerator[RequestOutput, None]:
        if params.logit_bias:
            self._text = WELL + FRIEND
        kept = len(prompt["prompt_token_ids"]) - len(self._prompt)
        self._tokens = [*ids(self._text), END][kept:]
        async for output in super().generate(prompt, params, request_id, **options):
            yield output


async def exported(
    prompt: dict[str, Any], policy: Policy | None = None, *, to_the_end: bool = True, **params: Any
) -> tuple[list[str], list[Pair]]:
    """The texts of a request's outputs, or of the first one, and the pairs that were handed over."""
    pairs = PairList()
    inner = RetryingEngine(prompt["prompt_token_ids"])
    async with guarding(inner, ScriptedScorer({"idiot": 0.9}), pairs) as client:
        current.set(GuardedRequest(policy or Policy()))
        wanted = SamplingParams(**{"max_tokens": 99, "output_kind": RequestOutputKind.DELTA, **params})
        async with aclosing(client.generate(prompt, wanted, "r")) as outputs:
            if not to_the_end:
                return [(await anext(outputs)).outputs[0].text], pairs
            return [choice.text async for output in outputs for choice in output.outputs], pairs


def asked(text: str) -> dict[str, Any]:
    return {"type": "token", "prompt_token_ids": [END, *ids(text)]}


@pytest.mark.parametrize("kind", [RequestOutputKind.DELTA, RequestOutputKind.FINAL_ONLY])
@pytest.mark.parametrize("on_prompt", ["ignore", "score"])
async def test_a_rewind_leaves_a_pair_behind_the_prompt_with_its_special_tokens(
    kind: RequestOutputKind, on_prompt: OnPrompt
) -> None:
    texts, (pair,) = await exported(asked("User: hello"), Policy(on_prompt=on_prompt), output_kind=kind)
    assert "".join(texts) == WELL + FRIEND
    assert pair.prompt == tokenizer().decode([END]) + "User: hello" + WELL
    assert FRIEND.startswith(pair.chosen) and IDIOT.startswith(pair.rejected)


async def test_choices_that_have_the_same_pair_leave_it_once() -> None:
    texts, pairs = await exported(asked("hello"), n=2)
    assert len("".join(texts)) == 2 * len(WELL + FRIEND) and len(pairs) == 1


@pytest.mark.parametrize("policy", [Policy(mode="monitor"), Policy(mode="off"), Policy(max_rewinds=0)])
async def test_what_was_not_mended_leaves_no_pair(policy: Policy) -> None:
    assert (await exported(asked("hello"), policy))[1] == []


@pytest.mark.parametrize("kind", [RequestOutputKind.DELTA, RequestOutputKind.FINAL_ONLY])
async def test_a_client_that_leaves_before_the_end_leaves_no_pair(kind: RequestOutputKind) -> None:
    texts, pairs = await exported(asked("hello"), to_the_end=False, output_kind=kind)
    assert texts and pairs == []


async def test_a_prompt_with_images_has_no_text_to_give() -> None:
    texts, pairs = await exported(asked("hello") | {"type": "multimodal"})
    assert "".join(texts) == WELL + FRIEND and pairs == []


class Unusable(RecordingEngine):
    """An engine that cannot use the grammar of any request."""

    async def generate(self, prompt: Any, params: Any, request_id: str, **options: Any) -> Any:
        choice = CompletionOutput(0, "", [], None, None, finish_reason="error", stop_reason=UNUSABLE_GRAMMAR)
        yield RequestOutput(request_id, None, prompt["prompt_token_ids"], None, [choice], finished=True)


@pytest.mark.parametrize("mode", ["enforce", "monitor", "off"])
@pytest.mark.parametrize("kind", [RequestOutputKind.DELTA, RequestOutputKind.FINAL_ONLY])
async def test_a_grammar_that_the_engine_cannot_use_is_refused(mode: Any, kind: RequestOutputKind) -> None:
    async with guarding(Unusable([1], tokenizer=tokenizer()), ScriptedScorer({})) as client:
        current.set(request := GuardedRequest(Policy(mode=mode)))
        with pytest.raises(VLLMValidationError, match="structured_outputs"):
            await anext(client.generate(PROMPT, SamplingParams(output_kind=kind), "r"))
    assert request.unusable and not request.started


@pytest.mark.parametrize("mode", ["enforce", "off"])
async def test_what_vllm_refuses_of_a_stream_is_known_before_its_head_is_sent(mode: Any) -> None:
    class Refusing(RecordingEngine):
        async def generate(self, prompt: Any, params: Any, request_id: str, **options: Any) -> Any:
            raise VLLMValidationError("no such grammar", parameter="grammar")
            yield

    async with guarding(Refusing([1], tokenizer=tokenizer()), ScriptedScorer({})) as client:
        current.set(request := GuardedRequest(Policy(mode=mode)))
        with pytest.raises(VLLMValidationError, match="no such grammar"):
            await anext(client.generate(PROMPT, SamplingParams(output_kind=RequestOutputKind.DELTA), "r"))
    assert request.unusable and request.unusable.param == "grammar" and not request.started
