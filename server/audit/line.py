"""A line of the audit log: a JSON object that ends with its own hash and carries that of the line before.

1. `{"seq": 7, "kind": "answer", "time": ..., "prev": <hash of the line before>, ..., "hash": <SHA-256>}`: the hash is
   that of the bytes before it, with the brace closed. So a line proves itself, and the order of all lines before it.
2. Kinds: `begin` and `end` of a server, `answer` (one choice of one), `gap` (records that could not be written), and
   the events of server/feedback/service.py.
3. No key: whoever may rewrite the whole file may hash it anew. The hash of the last line, kept elsewhere, tells.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_ENDING = re.compile(rb'^(\{.*), "hash": "([0-9a-f]{64})"\}$', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Head:
    """The last line so far: its number and its hash. Before the first one: -1 and None."""

    seq: int = -1
    hash: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is whole: what it says, and whether it proves itself."""

    said: Mapping[str, Any]
    hash: str
    proven: bool

    @property
    def head(self) -> Head:
        """Itself as the last one."""
        return Head(int(self.said["seq"]), self.hash)


def written(kind: str, said: Mapping[str, Any], before: Head) -> tuple[bytes, Head]:
    """Return the line that follows `before`, with its end, and itself as the head."""
    facts = {"seq": before.seq + 1, "kind": kind, **said, "prev": before.hash}
    body = json.dumps(facts).encode("ascii")
    digest = hashlib.sha256(body).hexdigest()
    return body[:-1] + f', "hash": "{digest}"}}\n'.encode("ascii"), Head(before.seq + 1, digest)


def read(line: bytes) -> Line | None:
    """Return what a line (without its end) says; None if it is no whole line of an audit log."""
    found = _ENDING.match(line)
    if found is None:
        return None
    body = found[1] + b"}"
    try:
        said = json.loads(body)
    except ValueError:
        return None
    if (
        not isinstance(said, dict)
        or not isinstance(said.get("seq"), int)
        or not {"kind", "prev", "time"} <= said.keys()
    ):
        return None
    digest = found[2].decode("ascii")
    return Line(said, digest, hashlib.sha256(body).hexdigest() == digest)
