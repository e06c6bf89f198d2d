"""vLLM's schedulers, taught to take tokens back from a request that goes on.

Written against the vLLM that server/engine/core/__init__.py names.
1. A rewound request is as if the dropped tokens had never been drawn: its output, block hashes, grammar and sampling
   parameters are those of then, and what steps in flight still bring of the dropped ones is thrown away.
2. It leaves its place in the batch as a preempted request does, and comes back through the prefix cache. Blocks of
   dropped text stay in that cache under the hash of just that text, so they are no other text's.
3. Nothing is done to a request that has ended or was never scheduled: the caller submits it again.
4. A request that was submitted again with kept tokens finds its grammar after them too.
5. A request that fails because of its own grammar says so: one that does not compile, one that allows no first token,
   or one that leads to where no token is allowed.
"""

import copy
import time
from typing import Any

from vllm.v1.core.sched.async_scheduler import AsyncScheduler
from vllm.v1.core.sched.scheduler import Scheduler
from vllm.v1.engine import FinishReason
from vllm.v1.request import Request, RequestStatus

from server.engine.core import grammar, utility
from server.engine.core.changes import UNUSABLE_GRAMMAR, Changes, changes_in

REWINDABLE = (RequestStatus.RUNNING, RequestStatus.PREEMPTED)


class RewindingScheduler(Scheduler):  # type: ignore[misc]
    """Knows running requests by the keys that the front end gave them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        utility.add_utilities_to_vllm()
        super().__init__(*args, **kwargs)
        self._by_key: dict[str, Request] = {}
        self._unusable: set[str] = set()
        """Requests whose grammar has failed and whose end has not been told yet."""

    def add_request(self, request: Request) -> None:
        """Let a request of the front end be rewound by its key from now on."""
        super().add_request(request)
        if changes := _changes(request):
            self._by_key[changes.key] = request

    def _free_request(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        if changes := _changes(request):
            self._by_key.pop(changes.key, None)
        return super()._free_request(request, *args, **kwargs)

    def _handle_blocked_waiting_request(self, request: Request) -> bool:
        waited = request.status == RequestStatus.WAITING_FOR_STRUCTURED_OUTPUT_GRAMMAR
        ready: bool = super()._handle_blocked_waiting_request(request)
        if not waited:
            return ready
        if not ready:
            if isinstance(request.structured_output_request.grammar, Exception):
                self._unusable.add(request.request_id)
            return False
        changes, outputs = _changes(request), self.structured_output_manager
        if changes and changes.kept:
            usable = grammar.follow(outputs, request, changes.kept)
        else:
            usable = grammar.allows_anything(outputs, request)
            if not usable:
                self._unusable.add(request.request_id)
        if not usable:
            self._refuse_grammar_of(request)
        return usable

    def _refuse_grammar_of(self, request: Request) -> None:
        """Have vLLM end a request: 0.32 keeps the names of such, 0.33 their errors by name, of which ours has none."""
        failed = self.grammar_compile_error_reqs
        if isinstance(failed, dict):
            failed[request.request_id] = None
        else:
            failed.add(request.request_id)

    def update_from_output(self, *args: Any, **kwargs: Any) -> Any:
        """Let the requests that end here because of their grammars say so."""
        unusable = self._unusable
        self._unusable = set()
        ended = super().update_from_output(*args, **kwargs)
        for output in (output for outputs in ended.values() for output in outputs.outputs):
            # With an error come tokens only where the grammar did not take them.
            of_grammar = output.request_id in unusable or bool(output.new_token_ids)
            if output.finish_reason == FinishReason.ERROR and of_grammar:
                output.stop_reason = UNUSABLE_GRAMMAR
                if hasattr(output, "error"):  # 0.33 would raise it in place of handing the output over
                    output.error = None
        return ended

    def rewind(self, key: str, tokens: list[int], params: dict[str, Any]) -> tuple[Request, int] | None:
        """Let the request have drawn just `tokens`, and draw on with other parameters.

        Returns the request and how many tokens it had handed out, or held, until now; None if it cannot be rewound.
        """
        request = self._by_key.get(key)
        if request is None or request.status not in REWINDABLE:
            return None
        common = _common(request.output_token_ids, tokens)
        if not grammar.rewind(self.structured_output_manager, request, common, tokens[common:]):
            return None
        drawn = request.num_output_tokens
        self._stop_drawing(request)
        self._put_output(request, common, tokens[common:])
        request.sampling_params = _changed(request.sampling_params, params)
        return request, drawn

    def _stop_drawing(self, request: Request) -> None:
        """Take the request out of the batch; what it has in flight is dropped."""
        if request.status == RequestStatus.PREEMPTED:  # memory was short, or another rewind came just before
            request.drop_stale_output = True
            return
        self.running.remove(request)
        self._preempt_request(request, time.monotonic(), drop_stale_output=True)
        if self.log_stats:
            request.events.pop()  # vLLM counts preemptions as shortage of memory
        # It may come back in the very next step and must not look as if it had never left.
        self.prev_step_scheduled_req_ids.discard(request.request_id)

    def _put_output(self, request: Request, common: int, more: list[int]) -> None:
        kept = request.num_prompt_tokens + common
        del request._output_token_ids[common:]
        del request._all_token_ids[kept:]
        del request.block_hashes[kept // self.hash_block_size :]
        request.spec_token_ids = []
        if more:
            request.append_output_token_ids(more)


class AsyncRewindingScheduler(RewindingScheduler, AsyncScheduler):  # type: ignore[misc]
    """The same for asynchronous scheduling, where steps are scheduled before the last one's tokens are known."""


def _changes(request: Request) -> Changes | None:
    return changes_in(request.sampling_params.extra_args) if request.sampling_params else None


def _common(drawn: Any, tokens: list[int]) -> int:
    """Return how many tokens both begin with."""
    count = 0
    for ours, theirs in zip(drawn, tokens, strict=False):
        if ours != theirs:
            break
        count += 1
    return count


def _changed(params: Any, new: dict[str, Any]) -> Any:
    changed = copy.copy(params)
    for name, value in new.items():
        setattr(changed, name, value)
    changed.prompt_logprobs = None  # given out once
    return changed
