"""A collector of OpenTelemetry's, over gRPC or HTTP: what was sent to it, decoded by the protocol's own messages."""

import threading
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc


@dataclass
class Said:
    """A span or an event: its name, what it says, and its place in a trace, in hexadecimal."""

    name: str
    facts: dict[str, Any]
    trace: str
    span: str
    parent: str = ""
    seconds: float = 0.0


@dataclass
class Collector:
    """What was received; `raw` are the bytes."""

    spans: list[Said] = field(default_factory=list)
    events: list[Said] = field(default_factory=list)
    raw: bytes = b""
    service: str = ""
    url: str = ""

    def take_spans(self, request: Any) -> None:
        self.raw += request.SerializeToString()
        for resource in request.resource_spans:
            self.service = _facts(resource.resource.attributes)["service.name"]
            for span in (span for scope in resource.scope_spans for span in scope.spans):
                took = (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9
                ids = (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex())
                self.spans.append(Said(span.name, _facts(span.attributes), *ids, took))

    def take_events(self, request: Any) -> None:
        self.raw += request.SerializeToString()
        for resource in request.resource_logs:
            for record in (record for scope in resource.scope_logs for record in scope.log_records):
                ids = (record.trace_id.hex(), record.span_id.hex())
                self.events.append(Said(record.event_name, _facts(record.attributes), *ids))

    def named(self, name: str) -> list[Said]:
        return [said for said in [*self.spans, *self.events] if said.name == name]


def _facts(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


@contextmanager
def over_grpc() -> Iterator[Collector]:
    """A collector that is asked over gRPC."""
    collector = Collector()

    class Spans(trace_service_pb2_grpc.TraceServiceServicer):  # type: ignore[misc]
        def Export(self, request: Any, context: Any) -> Any:
            collector.take_spans(request)
            return trace_service_pb2.ExportTraceServiceResponse()

    class Events(logs_service_pb2_grpc.LogsServiceServicer):  # type: ignore[misc]
        def Export(self, request: Any, context: Any) -> Any:
            collector.take_events(request)
            return logs_service_pb2.ExportLogsServiceResponse()

    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(Spans(), server)
    logs_service_pb2_grpc.add_LogsServiceServicer_to_server(Events(), server)
    collector.url = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield collector
    finally:
        server.stop(None).wait()


@contextmanager
def over_http() -> Iterator[Collector]:
    """A collector that is asked over HTTP."""
    collector = Collector()

    class Asked(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/v1/traces":
                collector.take_spans(trace_service_pb2.ExportTraceServiceRequest.FromString(data))
            elif self.path == "/v1/logs":
                collector.take_events(logs_service_pb2.ExportLogsServiceRequest.FromString(data))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Asked)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    collector.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield collector
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
