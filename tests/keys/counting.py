"""Limits of keys for tests: counted in memory, and what was refused remembered."""

from server.keys.quotas import MEMORY, Limit, Quotas, storage_at


class Refused:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.limited: list[tuple[str, Limit]] = []
        self.failures = 0

    def request_limited(self, key: str, limit: Limit) -> None:
        self.limited.append((key, limit))

    def limits_failed(self) -> None:
        self.failures += 1


def quotas(refused: Refused | None = None) -> Quotas:
    return Quotas(storage_at(MEMORY), refused or Refused())
