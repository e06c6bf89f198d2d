"""A request that generates is traced from its admission to its end, and nothing else is."""

from collections.abc import Mapping
from typing import Any

from server.generation.report import Report
from server.generation.request import current
from server.generation.tracing import RequestTrace, Untraced
from tests.api.asgi_app import JSON_HEAD, Called, app, body, called_at
from tests.api.requests import report
from tests.api.test_gateway import Counted, gateway_to

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Heard(Untraced):
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.begun: list[Mapping[str, str]] = []
        self.ended: list[tuple[str, str | None]] = []

    def request(self, headers: Mapping[str, str]) -> RequestTrace:
        self.begun.append(dict(headers))
        return self

    def over(self, route: str, report: Report | None) -> None:
        self.ended.append((route, report.action if report else None))


async def through(heard: Heard, first: Any = None, **options: Any) -> Called:
    called = Called()
    observer: Any = Counted()
    gateway = gateway_to(app(called, JSON_HEAD, body(b"{}"), first=first), observer, tracing=heard)
    return await called_at(gateway, called, **options)


async def answering() -> None:
    request = current.get()
    assert request is not None
    request.reports[0] = report("rewound")


async def test_it_is_begun_with_its_clients_trace_and_ended_with_what_was_done() -> None:
    heard = Heard()
    await through(heard, answering, headers={"traceparent": PARENT, "x-other": "1"})
    assert heard.begun == [{"traceparent": PARENT, "tracestate": ""}]
    assert heard.ended == [("other", "rewound")]


async def test_one_that_fails_is_ended_too() -> None:
    async def failing() -> None:
        raise ValueError("broken")

    heard = Heard()
    called = await through(heard, failing)
    assert isinstance(called.error, ValueError) and heard.ended == [("other", None)]


async def test_what_generates_nothing_is_not_traced() -> None:
    heard = Heard()
    await through(heard, method="GET", path="/v1/models")
    assert not heard.begun and not heard.ended
