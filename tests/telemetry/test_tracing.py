"""Spans and events of a request, as a collector receives them."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from server.errors import StartError
from server.generation.answered import Answered
from server.generation.tracing import UNTRACED
from server.keys.key import ANYBODY
from server.telemetry.tracing import Tracer, exporters
from tests.generation.stage import POLICY, staged
from tests.telemetry.collector import Collector, over_grpc, over_http

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
HEADERS = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
WAYS = pytest.mark.parametrize(("collecting", "protocol"), [(over_grpc, "grpc"), (over_http, "http/protobuf")])


async def traced(collector: Collector, protocol: Any = "grpc", headers: dict[str, str] = HEADERS) -> None:
    """One request whose answer is rewound once, traced to its end."""
    tracer = Tracer(*exporters(collector.url, protocol))
    request = tracer.request(headers)
    async with staged("so you idiot there", "so you friend there", in_step=True, trace=request.choice(0)) as stage:
        await stage.play()
        report = stage.guarded.report
    request.answered(Answered("cmpl-7", 0, ANYBODY, POLICY, report, "stop"))
    request.over("/v1/completions", report)
    tracer.close()


@WAYS
async def test_a_request_is_a_span_of_its_clients_trace_with_its_parts_within(
    collecting: Callable[[], AbstractContextManager[Collector]], protocol: str
) -> None:
    with collecting() as collector:
        await traced(collector, protocol)
    (request,) = collector.named("unsay.request")
    assert (request.trace, request.parent) == (TRACE, PARENT) and collector.service == "unsay"
    assert request.facts["http.route"] == "/v1/completions" and request.facts["unsay.action"] == "rewound"
    assert request.facts["gen_ai.response.id"] == "cmpl-7"
    parts = [span for span in collector.spans if span is not request]
    assert {span.name for span in parts} == {"unsay.draft", "unsay.score", "unsay.rewind"}
    assert {(span.trace, span.parent) for span in parts} == {(TRACE, request.span)}
    assert [span.facts.get("unsay.strategy") for span in collector.named("unsay.draft")] == [None, "ban"]
    verdicts = [span.facts["unsay.verdict"] for span in collector.named("unsay.score")]
    assert "flagged" in verdicts and "cleared" in verdicts
    flagged = collector.named("unsay.score")[verdicts.index("flagged")].facts
    assert flagged["unsay.category"] == "toxicity" and flagged["unsay.score"] == 0.9


@WAYS
async def test_what_was_found_is_an_event_for_each_category_and_a_rewind_is_one_of_our_own(
    collecting: Callable[[], AbstractContextManager[Collector]], protocol: str
) -> None:
    with collecting() as collector:
        await traced(collector, protocol)
    (request,) = collector.named("unsay.request")
    (result,) = [e for e in collector.events if e.facts.get("gen_ai.evaluation.name") == "toxicity"]
    assert result.name == "gen_ai.evaluation.result" and result.facts["gen_ai.response.id"] == "cmpl-7"
    assert result.facts["gen_ai.evaluation.score.label"] == "pass"
    assert 0 <= result.facts["gen_ai.evaluation.score.value"] < 0.2
    rewinds = [event for event in collector.events if event.name == "unsay.rewind"]
    assert [event.facts["unsay.strategy"] for event in rewinds] == ["ban"]
    assert rewinds[0].facts["unsay.tokens.dropped"] >= 1
    assert {(event.trace, event.span) for event in collector.events} == {(TRACE, request.span)}


async def test_no_text_is_sent() -> None:
    with over_grpc() as collector:
        await traced(collector)
    assert collector.raw and not any(word in collector.raw for word in (b"idiot", b"friend", b"there"))


async def test_the_engine_joins_by_the_headers_of_the_requests_span() -> None:
    with over_grpc() as collector:
        tracer = Tracer(*exporters(collector.url, "grpc"))
        request = tracer.request({})
        headers = request.headers()
        request.over("other", None)
        tracer.close()
    (span,) = collector.spans
    _, trace, parent, flags = headers["traceparent"].split("-")
    assert (trace, parent) == (span.trace, span.span) and int(flags, 16) & 1, "sampled, as ours is"
    assert not span.parent


async def test_a_trace_that_is_not_sampled_is_not_sent() -> None:
    with over_grpc() as collector:
        await traced(collector, headers={"traceparent": f"00-{TRACE}-{PARENT}-00"})
    assert not collector.spans


def test_where_nobody_traces_nothing_is_joined() -> None:
    assert UNTRACED.request(HEADERS).headers() == {}


@pytest.mark.parametrize("endpoint", ["localhost:4317", "ftp://x", "http://"])
def test_an_endpoint_that_is_none_is_refused(endpoint: str) -> None:
    with pytest.raises(StartError, match="--otlp-endpoint: expected http"):
        exporters(endpoint, "grpc")
