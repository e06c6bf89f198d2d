"""Who is told of answers beside their clients, as the operator wants it: files of pairs and records, a collector."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Protocol

from filters.scorers import registry
from server.audit.file import AuditFile, AuditObserver, Keeping, auditing
from server.configuration import Settings
from server.generation.pairs import Pairs
from server.generation.tracing import UNTRACED, Tracing
from server.telemetry import logs
from server.telemetry.pairs import PairObserver, writing

log = logs.logger("tracing")


class LineObserver(AuditObserver, PairObserver, Protocol):
    """Is told what becomes of the lines of both files."""


@dataclass(frozen=True, slots=True)
class Told:
    """`pairs` takes those of rewinds, `records` keeps one of every answer, `tracing` hears what takes its time."""

    pairs: Pairs | None = None
    records: AuditFile | None = None
    tracing: Tracing = UNTRACED


def telling(settings: Settings, observer: LineObserver, closing: AsyncExitStack) -> Told:
    """Return all that the settings want, open until `closing` ends. StartError for what cannot be."""
    pairs = closing.enter_context(writing(settings.pairs_out, observer))
    gate = registry.fingerprint(settings.scorer, settings.screen) if settings.audit_out else None
    keeping = Keeping(settings.audit_failure, settings.audit_fsync, gate)
    records = closing.enter_context(auditing(settings.audit_out, keeping, observer))
    return Told(pairs, records, _tracing(settings, closing))


def _tracing(settings: Settings, closing: AsyncExitStack) -> Tracing:
    if settings.otlp_endpoint is None:
        return UNTRACED
    from server.telemetry.tracing import Tracer, exporters  # the SDK is loaded where it is wanted

    tracer = Tracer(*exporters(settings.otlp_endpoint, settings.otlp_protocol))
    closing.push_async_callback(asyncio.to_thread, tracer.close)
    log.info("requests are traced", extra={"protocol": settings.otlp_protocol})
    return tracer
