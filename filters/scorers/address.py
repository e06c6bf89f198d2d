"""Where a remote detector is and how it is asked: `URL#KEY=VALUE&...`. What follows the `#` never leaves this process.

The URL is `http://HOST:PORT/PATH`, or `unix:PATH` for a socket of this machine.

  detector-id=ID           the header of this name, for a gateway of several detectors
  detector-params=JSON     sent in place of {"threshold": 0}
  TYPE=CATEGORY            detections of this type count for this category
  TYPE=                    detections of this type count for none

Without any TYPE there is one category, `toxicity`, and whatever is detected counts for it.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from filters.scorer import ScorerLoadError
from filters.scorers.detections import PATH, Types, mapping

ID, PARAMS = "detector-id", "detector-params"
DEFAULT_ID = "unsay"
_EXPECTED = (
    "expected remote:http://HOST[:PORT][/PATH][#KEY=VALUE&...], without user, password and query, or remote:unix:PATH"
)
_UNIX = "unix:"
_BY_SOCKET = "http://localhost"
"""What is asked over a socket: HTTP wants a host."""
_EVERYTHING = Types(("toxicity",), {})


@dataclass(frozen=True, slots=True)
class Address:
    """`base` has no slash at its end. `is_mapped`: the operator says what its types mean. `socket`: None for TCP."""

    base: str
    detector_id: str
    params: Mapping[str, Any]
    types: Types
    is_mapped: bool
    name: str
    socket: str | None = None

    @property
    def where(self) -> str:
        """Where it is, as it was said."""
        return f"{_UNIX}{self.socket}" if self.socket else self.base

    @classmethod
    def read(cls, url: str) -> "Address":
        """Parse `url`. ScorerLoadError, saying what was expected, if it is no such address."""
        base, _, fragment = url.partition("#")
        socket = base.removeprefix(_UNIX) if base.startswith(_UNIX) else None
        _check(_BY_SOCKET if socket else base)
        try:
            words = dict(parse_qsl(fragment, keep_blank_values=True, strict_parsing=True)) if fragment else {}
            given = words.pop(ID, None)
            params = json.loads(words.pop(PARAMS, '{"threshold": 0}'))
            types = mapping(words) if words else _EVERYTHING
        except (ValueError, RecursionError):
            raise ScorerLoadError(f"remote:{base}", f"{_EXPECTED}; {ID}=ID, {PARAMS}=JSON and TYPE=CATEGORY") from None
        if not re.fullmatch(r"[\w.-]{1,64}", given or DEFAULT_ID, re.ASCII) or not isinstance(params, dict):
            expected = f"expected {ID} of up to 64 letters, digits, '.', '_' and '-', and a JSON object for {PARAMS}"
            raise ScorerLoadError(f"remote:{base}", expected)
        base = _BY_SOCKET if socket else base.rstrip("/").removesuffix(PATH)
        name = f"remote:{given}" if given else "remote"
        return cls(base, given or DEFAULT_ID, params, types, bool(words), name, socket)

    def named(self, scorer: str) -> str:
        """Return the name for reports of a detector that says what it is. Where it runs is nobody's business."""
        return f"remote:{scorer}" if re.fullmatch(r"[\w.:-]{1,64}", scorer, re.ASCII) else self.name


def _check(base: str) -> None:
    try:
        parts = urlsplit(base)
        is_sound = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and not parts.query
    except ValueError:
        raise ScorerLoadError("remote", _EXPECTED) from None
    if not is_sound or "@" in parts.netloc:
        # Not repeated where it may hold a password.
        raise ScorerLoadError("remote" if "@" in base else f"remote:{base}", _EXPECTED)
