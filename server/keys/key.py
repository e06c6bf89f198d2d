"""One API key: its name, its rights, its policies, and how much it may ask for.

1. A key is known by its SHA-256. That is enough, and a slow hash would add nothing but work for every request: keys are
   drawn with 256 random bits (server/keys/command.py), so there is nothing to guess from a hash.
2. A name is no secret: it stands in errors, logs and metrics. A key stands in none of them.
3. Limits that are not given do not hold.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, Field

from server.policy.policy import STRICT

Right = Literal["loosen", "trace", "flagged_text", "feedback", "review"]
"""`loosen`: its requests may loosen their policy. `trace`: they may be told what the guard does (`detox.trace`), and
with `flagged_text` in which words. `feedback`: it may say something of its answers. `review`: it may see and judge what
waits for review, with `flagged_text` also what was taken back."""
RIGHTS: tuple[Right, ...] = get_args(Right)

PREFIX = "usk-"
"""How our keys begin, so that one is known for a key wherever it turns up."""

Count = Annotated[int, Field(ge=1)]


class Quota(BaseModel):
    """How much may be asked for: requests and tokens a minute, and requests at once. None: as much as there is."""

    model_config = STRICT

    requests_per_minute: Count | None = None
    tokens_per_minute: Count | None = None
    concurrency: Count | None = None

    @property
    def bounds(self) -> bool:
        """Whether it bounds anything."""
        return bool(self.requests_per_minute or self.tokens_per_minute or self.concurrency)


@dataclass(frozen=True, slots=True)
class Key:
    """An API key, by its name.

    `policies`: the only ones that its requests may name; they have the first if they name none. Empty: as the catalog
    has it for everybody. `quota` holds for all of its requests together, `each_user` for those of each of its users.
    """

    name: str
    policies: tuple[str, ...] = ()
    rights: frozenset[Right] = frozenset()
    quota: Quota = field(default_factory=Quota)
    each_user: Quota = field(default_factory=Quota)

    def may(self, right: Right) -> bool:
        """Return whether it has a right."""
        return right in self.rights


ANYBODY = Key("anybody")
"""Whose requests those are that nobody has asked for a key."""


def digest(key: str) -> bytes:
    """Return what a key is known by."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
