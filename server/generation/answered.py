"""What is told of a choice that is over, to those who keep a record of it."""

from dataclasses import dataclass
from typing import Protocol

from server.generation.report import Report
from server.keys.key import Key
from server.policy.policy import Policy


@dataclass(frozen=True, slots=True)
class Answered:
    """One choice of an answer. `report` tells of all of it; `text` is what of it left, None where nobody may keep it.

    `response` is the id of the answer, `finish_reason` how the choice ended: None if its client left before the end.
    """

    response: str
    choice: int
    key: Key
    policy: Policy
    report: Report
    finish_reason: str | None
    text: str | None = None


class Records(Protocol):
    """Keeps records of answers. `server.audit.file.AuditFile` is the one in service."""

    def check(self) -> None:
        """Raise Unavailable while no record can be kept and nothing may be answered without."""

    async def keep(self, answered: Answered) -> None:
        """Keep the record of a choice before its end is sent. Unavailable as for `check`."""

    def keep_rest(self, answered: Answered) -> None:
        """Keep the record of a choice that nobody waits for any more; never raises."""
