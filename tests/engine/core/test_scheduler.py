"""vLLM's own schedulers with ours on top, over toy workers that mirror what vLLM's workers keep of a request.

Requests are rewound at random while others come, are preempted for want of blocks, or are aborted; steps are in flight
with asynchronous scheduling. What every request says at last must be what it says without a rewind.
"""

import random
from collections import deque
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from vllm import SamplingParams
from vllm.sampling_params import StructuredOutputsParams
from vllm.v1.core.sched.scheduler import Scheduler
from vllm.v1.engine import EngineCoreOutput, EngineCoreOutputs, FinishReason
from vllm.v1.request import Request, RequestStatus

from server.engine.core.changes import UNUSABLE_GRAMMAR, Changes
from server.engine.core.scheduler import AsyncRewindingScheduler
from server.engine.core.utility import unsay_rewind
from tests.engine.core.simulation import PLENTY, SCARCE, Core, drawn_behind, free_blocks, request, scheduler


@dataclass
class Asked:
    """One request as the front end knows it. Of the tokens that it has `taken`, the first `stale` do not count."""

    prompt: list[int]
    length: int
    kept: list[int] = field(default_factory=list)
    bans: dict[int, frozenset[int]] = field(default_factory=dict)
    taken: int = 0
    stale: int = 0
    rewound_to: int = 0
    over: bool = False
    aborted: bool = False

    def take(self, tokens: list[int]) -> None:
        fresh = max(0, self.stale - self.taken)
        self.taken += len(tokens)
        self.kept += tokens[fresh:]

    def rewind(self, to: int, drawn: int, bans: dict[int, frozenset[int]]) -> None:
        self.stale += drawn - self.rewound_to
        self.rewound_to, self.bans = to, bans
        del self.kept[to:]

    def expected(self) -> list[int]:
        tokens = list(self.prompt)
        for position in range(self.length):
            tokens.append(drawn_behind(tokens, self.bans.get(position, frozenset())))
        return tokens[len(self.prompt) :]


class Simulation:
    """An engine core, and a front end that rewinds at random.

    Outputs take a while to reach the front end, so that it asks for rewinds of requests that are further on already,
    also of ones whose last rewind it has seen nothing of yet.
    """

    def __init__(self, scheduler: Any, seed: int, *, drops_stale: bool = True) -> None:
        self.scheduler, self.core = scheduler, Core(scheduler)
        self._chance, self._drops_stale = random.Random(seed), drops_stale
        self.asked: dict[str, Asked] = {}
        self.requests: list[Request] = []
        self.rewinds = self.in_flight = 0
        self._way: deque[Any] = deque()

    def ask(self, prompt: list[int], length: int) -> str:
        name = f"r{len(self.asked)}"
        params = SamplingParams(max_tokens=length, ignore_eos=True, extra_args=Changes(name).put_into(None))
        self.asked[name] = Asked(prompt, length)
        self.requests.append(request(name, prompt, params))
        self.scheduler.add_request(self.requests[-1])
        return name

    def run(self, rewind: float, abort: float = 0.0) -> None:
        for _ in range(20_000):
            if all(asked.over for asked in self.asked.values()):
                return
            for name in [name for name, asked in self.asked.items() if not asked.over]:
                if self._chance.random() < rewind:
                    self._rewind(name)
                elif self._chance.random() < abort:
                    self._abort(name)
            self._way += self.core.step()
            while self._way and self._chance.random() < 0.95:
                self._take(self._way.popleft())
        raise AssertionError("requests got stuck")

    def _rewind(self, name: str) -> None:
        asked = self.asked[name]
        if not asked.kept:
            return
        to = self._chance.randrange(len(asked.kept))
        bans = {at: tokens for at, tokens in asked.bans.items() if at <= to}
        bans[to] = bans.get(to, frozenset()) | {asked.kept[to]}
        flying = self.scheduler.requests[name].num_in_flight_tokens if name in self.scheduler.requests else 0
        extra = Changes(name, banned={to: tuple(bans[to])}).put_into(None)
        drawn = unsay_rewind(self.core, name, asked.kept[:to], {"extra_args": extra})
        if drawn is None:
            return
        self.rewinds, self.in_flight = self.rewinds + 1, self.in_flight + (flying > 0)
        asked.rewind(to, drawn if self._drops_stale else asked.rewound_to, bans)

    def _abort(self, name: str) -> None:
        self.scheduler.finish_requests([name], RequestStatus.FINISHED_ABORTED)
        self.asked[name].over = self.asked[name].aborted = True

    def _take(self, output: Any) -> None:
        asked = self.asked[output.request_id]
        asked.take(output.new_token_ids)
        asked.over = asked.over or output.finish_reason is not None

    @property
    def preempted_for_memory(self) -> bool:
        return bool(sum(request.num_preemptions for request in self.requests) > self.rewinds)

    def wrong(self) -> list[str]:
        return [name for name, each in self.asked.items() if not each.aborted and each.kept != each.expected()]


def simulated(
    asynchronous: bool, blocks: int = PLENTY, *, v2: bool = False, abort: float = 0.0, kind: Any = None, **more: bool
) -> tuple[Simulation, int]:
    """24 requests, some with the same beginning, and the number of free blocks before them."""
    made = Simulation(scheduler(asynchronous, blocks, kind, v2=v2), 3, **more)
    free, chance = free_blocks(made.scheduler), random.Random(5)
    shared = [chance.randrange(3, 900) for _ in range(40)]
    for number in range(24):
        own = [chance.randrange(3, 900) for _ in range(chance.randrange(1, 60))]
        made.ask([*shared, *own] if number % 3 == 0 else own, chance.randrange(20, 120))
    made.run(0.03, abort)
    return made, free


def nothing_is_left(made: Simulation, free: int) -> bool:
    return free_blocks(made.scheduler) == free and not made.scheduler._by_key and not made.scheduler.requests


@pytest.mark.parametrize("blocks", [PLENTY, SCARCE])
@pytest.mark.parametrize("v2", [False, True], ids=["first runner", "second runner"])
@pytest.mark.parametrize("asynchronous", [False, True], ids=["synchronous", "asynchronous"])
def test_every_request_says_what_it_would_have_said_without_rewinds(asynchronous: bool, v2: bool, blocks: int) -> None:
    made, free = simulated(asynchronous, blocks, v2=v2)
    assert made.wrong() == []
    assert made.rewinds > 30 and (made.in_flight > 10 or not asynchronous)
    assert made.preempted_for_memory is (blocks == SCARCE)
    assert nothing_is_left(made, free)


@pytest.mark.parametrize("v2", [False, True], ids=["first runner", "second runner"])
def test_so_it_is_with_requests_that_are_aborted_in_between(v2: bool) -> None:
    made, free = simulated(True, SCARCE, v2=v2, abort=0.003)
    assert made.wrong() == [] and sum(asked.aborted for asked in made.asked.values()) >= 3
    assert nothing_is_left(made, free)


def test_with_what_is_on_its_way_taken_for_fresh_it_would_not_be() -> None:
    made, _ = simulated(True, drops_stale=False)
    assert len(made.wrong()) > 10


def test_nor_with_the_output_of_steps_in_flight_added_to_the_request() -> None:
    class Careless(AsyncRewindingScheduler):
        def _preempt_request(self, request: Any, *args: Any, drop_stale_output: bool = False) -> Any:
            return super()._preempt_request(request, *args, drop_stale_output=False)

    with pytest.raises((AssertionError, KeyError, ValueError)):
        made, _ = simulated(True, kind=Careless)
        assert made.wrong() == []


def test_nor_with_a_worker_that_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Core, "collective_rpc", lambda *_, **__: None)
    made, _ = simulated(False)
    assert len(made.wrong()) > 10


@pytest.mark.parametrize("asynchronous", [False, True], ids=["synchronous", "asynchronous"])
def test_the_prefix_cache_holds_no_dropped_text_under_another_texts_hash(asynchronous: bool) -> None:
    made = Simulation(scheduler(asynchronous, PLENTY), 8)
    first = made.ask(list(range(3, 40)), 90)
    made.run(0.02)
    assert made.rewinds > 0
    asked = made.asked[first]
    again = made.ask([*asked.prompt, *asked.kept[:60]], 20)
    made.run(0.0)
    assert made.wrong() == [] and made.asked[again].kept != []


def rewound(tokens: list[int], *, log_stats: bool = False) -> tuple[Any, Any]:
    """A scheduler, and a request that had drawn 40 tokens, rewound to `tokens` of them."""
    made = Simulation(scheduler(False, PLENTY, log_stats=log_stats), 1)
    name = made.ask(list(range(3, 40)), 80)
    for _ in range(40):
        made.core.step()
    before = made.scheduler.requests[name]
    before.take_events()
    assert unsay_rewind(made.core, name, tokens or list(before.output_token_ids[:9]), {"temperature": 0.3}) == 40
    return made.scheduler, before


def test_block_hashes_are_those_of_a_request_that_says_the_same() -> None:
    for tokens in ([], list(range(50, 90)), [5]):
        _, asked = rewound(tokens)
        twin = request("twin", [*asked.prompt_token_ids, *asked.output_token_ids], SamplingParams())
        assert asked.block_hashes == twin.block_hashes
        assert list(asked.all_token_ids) == twin.prompt_token_ids


def test_tokens_that_were_never_drawn_can_be_put_in() -> None:
    """A mask of the policy."""
    _, asked = rewound([7, 8, 9])
    assert list(asked.output_token_ids) == [7, 8, 9] and asked.status == RequestStatus.PREEMPTED


def test_parameters_change_on_a_copy_and_prompt_logprobs_are_given_once() -> None:
    params = SamplingParams(prompt_logprobs=1, temperature=1.0, extra_args=Changes("k").put_into(None))
    made = scheduler(False)
    asked = request("r", [5, 6, 7], params)
    made.add_request(asked)
    core = Core(made)
    core.step()
    assert unsay_rewind(core, "k", [], {"temperature": 0.4}) == 1
    assert (asked.sampling_params.temperature, asked.sampling_params.prompt_logprobs) == (0.4, None)
    assert (params.temperature, params.prompt_logprobs) == (1.0, 1)


def test_rewinds_are_not_counted_as_preemptions() -> None:
    _, asked = rewound([], log_stats=True)
    assert asked.events == []


def test_a_request_that_is_away_already_is_rewound_where_it_is() -> None:
    made, asked = rewound([])
    found = made.rewind("r0", list(asked.output_token_ids[:3]), {})
    assert found == (asked, 9) and asked.num_output_tokens == 3 and len(made.waiting) == 1


@pytest.mark.parametrize("name", ["nobody", ""])
def test_what_is_not_there_cannot_be_rewound(name: str) -> None:
    assert scheduler(False, PLENTY).rewind(name, [], {}) is None


def test_a_request_that_has_not_been_scheduled_is_not_rewound() -> None:
    made = Simulation(scheduler(False, PLENTY), 1)
    assert made.scheduler.rewind(made.ask([5, 6, 7], 10), [], {}) is None


def test_nor_is_one_that_has_ended() -> None:
    made = Simulation(scheduler(False, PLENTY), 1)
    name = made.ask([5, 6, 7], 10)
    made.run(0.0)
    assert unsay_rewind(made.core, name, [], {}) is None


def test_requests_of_nobody_are_left_in_peace() -> None:
    """Those of the operator's own, say: they have no key."""
    made = scheduler(False)
    made.add_request(request("r", [5, 6, 7], SamplingParams(max_tokens=3, ignore_eos=True)))
    core = Core(made)
    while core.busy:
        core.step()
    assert not made._by_key and not made.requests


def ended(params: SamplingParams, refused: Any = None) -> tuple[Any, bool]:
    """The last output of one request, and whether the engine core is as it was before it.

    `refused` is where vLLM keeps those whose grammar has failed; None: where this vLLM does.
    """
    made = scheduler(False)
    made.grammar_compile_error_reqs = made.grammar_compile_error_reqs if refused is None else refused
    free, core = free_blocks(made), Core(made)
    asked = request("r", [7, 8, 9], params)
    made.structured_output_manager.grammar_init(asked)
    made.structured_output_manager.executor.shutdown(wait=True)  # its grammar is compiled, or has failed
    made.add_request(asked)
    outputs = [output for _ in range(20) for output in core.step()]
    return outputs[-1], free_blocks(made) == free and not made.requests


@pytest.mark.parametrize(
    "wish",
    [
        {"grammar": "root ::= "},
        {"grammar": 'root ::= "a"\nroot ::= "b"'},
        {"grammar": "root ::= root"},
        {"json": '{"$ref": "#"}'},
        {"json": '{"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}'},
        {"json": '{"type": "string", "minLength": -5}'},
    ],
    ids=str,
)
def test_a_request_that_fails_because_of_its_grammar_says_so(wish: dict[str, Any]) -> None:
    last, as_before = ended(SamplingParams(max_tokens=4, structured_outputs=structured(wish)))
    assert (str(last.finish_reason), last.stop_reason, last.new_token_ids) == ("error", UNUSABLE_GRAMMAR, [])
    assert as_before


@pytest.mark.parametrize("refused", [None, {}], ids=["this", "0.33"])
def test_one_that_allows_no_first_token_ends_where_either_vllm_looks_for_such(refused: Any) -> None:
    wish = structured({"grammar": "root ::= root"})
    last, as_before = ended(SamplingParams(max_tokens=4, structured_outputs=wish), refused)
    assert (str(last.finish_reason), last.stop_reason) == ("error", UNUSABLE_GRAMMAR) and as_before


def test_the_error_that_0_33_would_raise_is_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed because of its grammar is told of by us; what failed otherwise keeps its error."""
    failed = {"new_token_ids": [], "finish_reason": FinishReason.ERROR, "stop_reason": None, "error": "e"}
    outputs = [SimpleNamespace(request_id=name, **failed) for name in ("of grammar", "other")]
    told = {0: SimpleNamespace(outputs=outputs)}
    monkeypatch.setattr(Scheduler, "update_from_output", lambda self, *args: told)
    made = scheduler(False)
    made._unusable.add("of grammar")
    made.update_from_output(None, None)
    assert [(each.stop_reason, each.error) for each in outputs] == [(UNUSABLE_GRAMMAR, None), (None, "e")]


def test_one_whose_grammar_can_be_written_does_not() -> None:
    last, _ = ended(SamplingParams(max_tokens=4, structured_outputs=structured({"regex": "[ab]{9}"})))
    assert (str(last.finish_reason), last.stop_reason) == ("length", None)


def structured(wish: dict[str, Any]) -> StructuredOutputsParams:
    made = StructuredOutputsParams(**wish)
    made._backend = "xgrammar"
    return made


@pytest.mark.parametrize(
    ("reason", "tokens", "stop"),
    [(FinishReason.ERROR, [5], UNUSABLE_GRAMMAR), (FinishReason.ERROR, [], None), (FinishReason.STOP, [5], None)],
)
def test_tokens_that_come_with_an_error_are_those_that_no_grammar_took(
    reason: FinishReason, tokens: list[int], stop: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = EngineCoreOutput("r", tokens, finish_reason=reason)
    told = {0: EngineCoreOutputs(outputs=[output])}
    monkeypatch.setattr(Scheduler, "update_from_output", lambda self, *args: told)
    assert scheduler(False).update_from_output(None, None) is told and output.stop_reason == stop
