"""The file of keys: YAML, no key in it but the hashes of keys.

    keys:
      app:
        hash: <SHA-256 of the key, 64 hexadecimal digits>
        policies: [strict]             # everything from here on may be left out
        rights: [loosen]
        requests_per_minute: 600
        tokens_per_minute: 100000
        concurrency: 32
        each_user: {requests_per_minute: 20, tokens_per_minute: 5000, concurrency: 2}

1. A set of keys is whole and frozen, or one line says which key does not fit, and why.
2. No value of the file is in that line: somebody may have written a key where its hash belongs.
3. `keys: {}` is a set without keys, which lets nobody in; an empty file is a broken one.
"""

import hmac
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field

from server.errors import FileError
from server.keys.key import PREFIX, Key, Quota, Right
from server.keys.quotas import MEMORY
from server.policy import document
from server.policy.policy import STRICT, Name
from server.policy.shape import Misfit, fit, unknown

_HASH_RULE = "64 hexadecimal digits, the SHA-256 of a key (`unsay keys new NAME` makes both)"
_ENTRY_RULE = "an object with the key 'hash'"

_Keys = Annotated[dict[str, object], Field(json_schema_extra={"expected": _ENTRY_RULE})]


class _File(BaseModel):
    """The top level of a file."""

    model_config = STRICT
    keys: dict[Name, _Keys]


class _Entry(Quota):
    """What the file says of one key."""

    hash: Annotated[str, Field(pattern=r"^[0-9A-Fa-f]{64}$", json_schema_extra={"expected": _HASH_RULE})]
    policies: list[Name] | None = Field(None, min_length=1)
    rights: tuple[Right, ...] = Field((), strict=False)
    each_user: dict[str, object] = Field(default_factory=dict)


@dataclass(frozen=True)
class Keys:
    """A set of keys by what they are known by (server/keys/key.py). `source` is for messages."""

    by_digest: Mapping[bytes, Key]
    source: str = "keys"

    def find(self, digest: bytes) -> Key | None:
        """Return the key that is known by this. All are compared, in constant time."""
        found = None
        for known, key in self.by_digest.items():
            if hmac.compare_digest(digest, known):
                found = key
        return found

    def __iter__(self) -> Iterator[Key]:
        return iter(self.by_digest.values())

    def __len__(self) -> int:
        return len(self.by_digest)

    def without_policy(self, policies: Collection[str]) -> Iterator[str]:
        """Tell of every key that names a policy which is none of these."""
        for key in self:
            for policy in key.policies:
                if policy not in policies:
                    yield f"keys.{key.name}.policies: '{policy}': {unknown('policy', policy, policies)}"


def load(path: Path) -> Keys:
    """Read a file of keys; raises FileError, whose message is one line."""
    source = str(path)
    try:
        raw = document.read(path, "the key 'keys'", private=True)
        entries = _entries(raw)
        return Keys(_known(entries), source)
    except Misfit as misfit:
        raise FileError(source, misfit.path, misfit.problem) from None


def check_policies(keys: Keys, policies: Collection[str]) -> Keys:
    """Return the keys. FileError if one of them names a policy that there is not."""
    for problem in keys.without_policy(policies):
        raise FileError(keys.source, (), problem)
    return keys


def check_countable(keys: Keys, servers: int, rate_limits_url: str) -> Keys:
    """Return the keys. FileError if one has a limit a minute that each of several servers would count by itself."""
    for key in keys if rate_limits_url == MEMORY else ():
        for quota in (key.quota, key.each_user):
            if quota.requests_per_minute or quota.tokens_per_minute:
                problem = (
                    f"each of {servers} API servers would count its limits a minute by itself;"
                    " name a Redis for them (rate_limits_url)"
                )
                raise FileError(keys.source, ("keys", key.name), problem)
    return keys


def _entries(raw: object) -> dict[str, dict[str, object]]:
    names = raw.get("keys") if isinstance(raw, dict) else None
    if isinstance(names, dict) and any(isinstance(name, str) and name.startswith(PREFIX) for name in names):
        raise Misfit(("keys",), "found a key where its name belongs; make another one, which nobody has seen")
    return fit(_File, raw, private=True).keys


def _known(entries: Mapping[str, dict[str, object]]) -> dict[bytes, Key]:
    names: dict[bytes, Key] = {}
    for name, raw in entries.items():
        try:
            entry = fit(_Entry, raw, private=True)
            known, key = bytes.fromhex(entry.hash), _key(name, entry)
        except Misfit as misfit:
            raise Misfit(("keys", name, *misfit.path), misfit.problem) from None
        if known in names:
            raise Misfit(("keys", name, "hash"), f"the same as that of '{names[known].name}', expected one of its own")
        names[known] = key
    return names


def _key(name: str, entry: _Entry) -> Key:
    try:
        each_user = fit(Quota, entry.each_user, private=True)
    except Misfit as misfit:
        raise Misfit(("each_user", *misfit.path), misfit.problem) from None
    if each_user.bounds and entry.requests_per_minute is None:
        problem = "missing, expected a whole number of at least 1, since it bounds how many users are remembered"
        raise Misfit(("requests_per_minute",), problem)
    quota = Quota(**entry.model_dump(include=set(Quota.model_fields)))
    return Key(name, tuple(entry.policies or ()), frozenset(entry.rights), quota, each_user)
