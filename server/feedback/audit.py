"""The port through which feedback tells what was done with it, and by whom: never what anybody wrote."""

from typing import Protocol

from server.telemetry import logs

log = logs.logger("audit")


class Audit(Protocol):
    """Is told of every look at what people wrote, every judgement on it, and all that is taken out or erased."""

    def note(self, event: str, **facts: object) -> None:
        """Keep a fact. `event` is a word; the facts are names, ids and counts. Quick, and never raises."""


class LoggedAudit:
    """An audit in the log, where there is no audit log (`server.audit.file.AuditFile`) to write it into."""

    def note(self, event: str, **facts: object) -> None:
        """Log it."""
        log.info(event, extra=facts)
