"""What the gateway and the engine client know of one HTTP request."""

import asyncio

from server.generation.request import GuardedRequest, current
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
