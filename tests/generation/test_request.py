"""What the gateway and the engine client know of one HTTP request."""

import asyncio

import pytest

from server.errors import BadRequest
from server.generation.demand import Demand
from server.generation.request import GuardedRequest, current
from server.limits import Limits
from server.policy.policy import Policy


def test_choices_are_numbered_through_all_prompts_of_a_request() -> None:
    request = GuardedRequest(Policy())
    assert [request.reserve(3), request.reserve(1), request.reserve(2)] == [0, 3, 4]


async def test_tasks_of_a_request_find_it_and_others_do_not() -> None:
    request = GuardedRequest(Policy())

    async def seen() -> GuardedRequest | None:
        return current.get()

    token = current.set(request)
    inside = asyncio.create_task(seen())
    current.reset(token)
    outside = asyncio.create_task(seen())
    assert (await inside, await outside) == (request, None)


def test_what_it_asks_for_adds_up_over_all_of_its_prompts() -> None:
    request, limits = GuardedRequest(Policy()), Limits(choices=4)
    request.demand_more(Demand(choices=2), limits)
    request.demand_more(Demand(choices=2), limits)
    with pytest.raises(BadRequest, match=r"^n: expected at most 4"):
        request.demand_more(Demand(choices=1), limits)


def test_each_request_has_turns_of_its_own_at_the_scorer() -> None:
    assert GuardedRequest(Policy()).client != GuardedRequest(Policy()).client
