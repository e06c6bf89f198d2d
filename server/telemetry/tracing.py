"""Spans and events of requests, by OpenTelemetry (OTLP), to the endpoint that the operator names.

1. `unsay.request` joins the trace that a client's `traceparent` names; `unsay.draft`, `unsay.score` and `unsay.rewind`
   are within it, and vLLM's own span too, where vLLM traces (`--otlp-traces-endpoint`).
2. What was found of a choice is an event for each category, `gen_ai.evaluation.result` of OpenTelemetry's conventions;
   a rewind is an event of our own, `unsay.rewind`, as no convention has one.
3. Neither holds text of a prompt or an answer: counts, names, scores.
4. Providers of our own: vLLM sets the global one. The SDK's variables (`OTEL_*`: headers, sampler, service name) hold.
"""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Literal
from urllib.parse import urlsplit

from opentelemetry import trace
from opentelemetry._logs import Logger, LogRecord
from opentelemetry.context import Context
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Span, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from filters.verdict import Flagged, Verdict
from server.errors import StartError
from server.generation.answered import Answered
from server.generation.report import Report
from server.guard.commands import Rewind, Score, Way
from server.telemetry.logs import of_request

Protocol_ = Literal["grpc", "http/protobuf"]
SECONDS = 5.0
"""How long one export may take: at the end of the server, too."""
_W3C = TraceContextTextMapPropagator()


def exporters(endpoint: str, protocol: Protocol_) -> tuple[SpanExporter, LogRecordExporter]:
    """Return what sends spans and events to an endpoint. StartError if it is none."""
    if urlsplit(endpoint).scheme not in ("http", "https") or not urlsplit(endpoint).hostname:
        raise StartError("--otlp-endpoint: expected http://HOST:PORT or https://HOST:PORT")
    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        return OTLPSpanExporter(endpoint, timeout=SECONDS), OTLPLogExporter(endpoint, timeout=SECONDS)
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogs
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpans

    base = endpoint.rstrip("/")
    return HttpSpans(f"{base}/v1/traces", timeout=SECONDS), HttpLogs(f"{base}/v1/logs", timeout=SECONDS)


class Tracer:
    """Traces requests to a model of this name. `close` sends what waits."""

    def __init__(self, spans: SpanExporter, events: LogRecordExporter) -> None:
        resource = _resource()
        self._spans = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._spans.add_span_processor(BatchSpanProcessor(spans))
        self._events = LoggerProvider(resource=resource, shutdown_on_exit=False)
        self._events.add_log_record_processor(BatchLogRecordProcessor(events))
        self._tracer = self._spans.get_tracer("unsay", version("unsay"))
        self._logger = self._events.get_logger("unsay", version("unsay"))

    def request(self, headers: Mapping[str, str]) -> "_Request":
        """Begin the span of a request, in the trace that its headers name."""
        attributes = {"unsay.request.id": of_request.get() or ""}
        span = self._tracer.start_span("unsay.request", _W3C.extract(headers), SpanKind.SERVER, attributes)
        return _Request(self._tracer, self._logger, span)

    def close(self) -> None:
        """Send what waits, and end. It blocks for some seconds where the endpoint does not answer."""
        self._spans.shutdown()
        self._events.shutdown()


class _Request:
    def __init__(self, tracer: trace.Tracer, logger: Logger, span: Span) -> None:
        self._tracer = tracer
        self._logger = logger
        self._span = span
        self._context = trace.set_span_in_context(span, Context())

    def headers(self) -> Mapping[str, str]:
        """Return the headers by which the engine joins in."""
        carrier: dict[str, str] = {}
        _W3C.inject(carrier, self._context)
        return carrier

    def choice(self, number: int) -> "_Choice":
        """Return what hears of a choice."""
        return _Choice(self, number)

    def span(self, name: str, attributes: Mapping[str, Any]) -> Span:
        """Begin a span within that of the request."""
        return self._tracer.start_span(name, self._context, attributes=dict(attributes))

    def event(self, name: str, attributes: Mapping[str, Any]) -> None:
        """Send an event of the request."""
        self._logger.emit(LogRecord(context=self._context, event_name=name, attributes=dict(attributes)))

    def answered(self, answered: Answered) -> None:
        """Send an event for each category that was scored."""
        report = answered.report
        self._span.set_attribute("gen_ai.response.id", answered.response)
        for category, score in report.scores.items():
            facts = {
                "gen_ai.evaluation.name": category,
                "gen_ai.evaluation.score.value": round(score, 4),
                "gen_ai.evaluation.score.label": "fail" if category in report.filtered else "pass",
                "gen_ai.response.id": answered.response,
                "unsay.choice": answered.choice,
                "unsay.scorer": report.scorer,
            }
            self.event("gen_ai.evaluation.result", facts)

    def over(self, route: str, report: Report | None) -> None:
        """End the span."""
        self._span.set_attribute("http.route", route)
        if report is not None:
            for name in ("policy", "mode", "action", "rewinds", "spans_scored", "spans_flagged"):
                self._span.set_attribute(f"unsay.{name}", getattr(report, name))
        self._span.end()


class _Choice:
    def __init__(self, request: _Request, number: int) -> None:
        self._request = request
        self._number = number
        self._draft: Span | None = None
        self._rewind: Span | None = None
        self._attempt = 0

    def drafting(self, attempt: int, way: Way | None) -> None:
        """End the span of the last attempt, and begin that of this one."""
        self._attempt = attempt
        if self._draft is not None:
            self._draft.end()
        strategy = {} if way is None else {"unsay.strategy": way}
        self._draft = self._request.span("unsay.draft", self._facts(attempt) | strategy)

    def drafted(self) -> None:
        """End the span of the rewind that led here, if one did."""
        if self._rewind is not None:
            self._rewind.end()
            self._rewind = None

    def scoring(self, score: Score) -> "_Scoring":
        """Begin the span of a window."""
        window = {"unsay.window.start": score.window.start, "unsay.window.end": score.window.end}
        return _Scoring(self._request.span("unsay.score", self._facts(score.attempt) | window))

    def rewound(self, rewind: Rewind, dropped: int) -> None:
        """Send an event, and begin a span that ends with the first token of the next attempt."""
        facts = self._facts(self._attempt)
        facts |= {"unsay.strategy": rewind.strategy, "unsay.to": rewind.to, "unsay.tokens.dropped": dropped}
        self._request.event("unsay.rewind", facts)
        self.drafted()
        self._rewind = self._request.span("unsay.rewind", facts)

    def over(self) -> None:
        """End the spans that are open."""
        self.drafted()
        if self._draft is not None:
            self._draft.end()
            self._draft = None

    def _facts(self, attempt: int) -> dict[str, Any]:
        return {"unsay.choice": self._number, "unsay.attempt": attempt}


class _Scoring:
    def __init__(self, span: Span) -> None:
        self._span = span

    def over(self, verdict: Verdict | None) -> None:
        """End the span with its verdict."""
        if isinstance(verdict, Flagged):
            self._span.set_attribute("unsay.category", verdict.category)
            self._span.set_attribute("unsay.score", round(verdict.scores[verdict.category], 4))
        word = "failed" if verdict is None else "flagged" if isinstance(verdict, Flagged) else "cleared"
        self._span.set_attribute("unsay.verdict", word)
        self._span.end()


def _resource() -> Resource:
    found = Resource.create({"service.version": version("unsay")})
    if str(found.attributes[SERVICE_NAME]).startswith("unknown_service"):  # none that the operator has said
        found = found.merge(Resource({SERVICE_NAME: "unsay"}))
    return found
