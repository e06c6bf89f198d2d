"""The policy of one request: what its body and header ask for, held against what its key may have.

1. A request may tighten freely. To loosen, its API key needs the right.
2. A policy is chosen by the key `policy` in the body or by the header; naming two different ones is an error.
3. A policy that the operator opened to requests may be chosen without the right, but not loosened further.
4. OpenAI's `moderation` object tightens what comes of all this (server/policy/moderation.py).
5. A request that asks for nothing costs nothing.
"""

import hashlib
import hmac

from pydantic import BaseModel, Field

from server.errors import BadRequest, Forbidden
from server.policy import moderation
from server.policy.catalog import Catalog
from server.policy.looseness import loosened
from server.policy.policy import (
    STRICT,
    Languages,
    Mode,
    OnExhausted,
    OnPrompt,
    OnUnread,
    Policy,
    Resolved,
    Rewinds,
    Thresholds,
)
from server.policy.shape import Misfit, fit, kind_of, unknown

HEADER = "X-Detox-Policy"
_BODY_KEY = "detox"
_REPLACED = {"mode", "on_exhausted", "max_rewinds", "on_prompt", "on_unread"}
_RIGHT = "a request may only tighten, unless its API key has the right to loosen"


class DetoxRequest(BaseModel):
    """The `detox` object of a request. A key that is absent or null asks for nothing."""

    model_config = STRICT

    policy: str | None = Field(default=None, description="Name of the policy to start from.")
    mode: Mode | None = Field(default=None, description="Replaces the policy's mode.")
    thresholds: Thresholds | None = Field(default=None, description="Laid over the policy's, in every language.")
    languages: Languages | None = Field(default=None, description="Laid over the policy's, language by language.")
    on_exhausted: OnExhausted | None = Field(default=None, description="Replaces the policy's fallback.")
    max_rewinds: Rewinds | None = Field(default=None, description="Replaces the policy's number of rewinds.")
    on_prompt: OnPrompt | None = Field(default=None, description="Replaces what the policy does about the prompt.")
    on_unread: OnUnread | None = Field(default=None, description="Replaces what happens to text that is not read.")
    report: bool = Field(default=True, description="Whether the answer carries the report of every choice.")


def parse(raw: object) -> DetoxRequest:
    """Read a `detox` object; raises BadRequest naming the first key that does not fit."""
    # OpenAI's API takes null for "not given", and clients send it.
    given = {key: value for key, value in raw.items() if value is not None} if isinstance(raw, dict) else raw
    try:
        return fit(DetoxRequest, given)
    except Misfit as misfit:
        raise _bad((_BODY_KEY, *misfit.path), misfit.problem) from None


def resolve(
    catalog: Catalog,
    raw_body: object | None,
    header: str | None,
    raw_moderation: object | None = None,
    *,
    may_loosen: bool,
) -> Resolved:
    """Return the policy of a request from its `detox` object, its `X-Detox-Policy` header and its `moderation` object.

    None: not given. Raises BadRequest for what cannot be understood and Forbidden for what is looser than allowed.
    """
    resolved = _resolved(catalog, raw_body, header, may_loosen=may_loosen)
    if raw_moderation is None:
        return resolved
    policy = moderation.tightened(resolved.policy, moderation.parse(raw_moderation))
    return Resolved(policy, resolved.report, moderation=True)


def _resolved(catalog: Catalog, raw_body: object | None, header: str | None, *, may_loosen: bool) -> Resolved:
    if raw_body is None and header is None:
        return catalog.unasked
    asked = parse(raw_body) if raw_body is not None else DetoxRequest()
    param, named = _chosen(catalog, asked.policy, header)
    wanted = _overlaid(catalog, named, asked)
    if not may_loosen:
        _forbid_loosening(catalog, param, named, wanted)
    return Resolved(wanted, asked.report)


def may_loosen(catalog: Catalog, authorization_header: str | None, allow_all: bool) -> bool:
    """Return whether a request has the right to loosen: its Bearer key is listed, or everyone may.

    Keys are ASCII; only their sha256 is compared.
    """
    if allow_all:
        return True
    scheme, _, key = (authorization_header or "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip() or not key.isascii():
        return False
    digest = hashlib.sha256(key.strip().encode()).hexdigest()
    return any(hmac.compare_digest(digest, known) for known in catalog.loosen_keys)


def _chosen(catalog: Catalog, in_body: str | None, in_header: str | None) -> tuple[str, Policy]:
    """Return where a policy was named, for error messages, and the policy."""
    header = in_header.strip() if in_header is not None else None
    if in_body is not None and header is not None and in_body != header:
        raise _bad((_BODY_KEY, "policy"), f"another policy than in the header {HEADER}, expected one of the two only")
    name = in_body if in_body is not None else header
    param = f"{_BODY_KEY}.policy" if in_body is not None else HEADER
    if name is None:
        return param, catalog.default
    if name not in catalog.policies:
        raise _bad((param,), f"found {kind_of(name)}, " + unknown("policy", name, catalog.policies))
    return param, catalog.policies[name]


def _overlaid(catalog: Catalog, named: Policy, asked: DetoxRequest) -> Policy:
    """Lay the keys of a request over a policy; the values were checked when they were parsed."""
    changes = asked.model_dump(include=_REPLACED, exclude_none=True)
    if asked.thresholds is not None:
        _check_categories(catalog, ("thresholds",), asked.thresholds)
        changes["thresholds"] = {**named.thresholds, **asked.thresholds}
    for code, thresholds in (asked.languages or {}).items():
        _check_categories(catalog, ("languages", code), thresholds)
    if asked.thresholds or asked.languages:
        changes["languages"] = _languages(named, asked.thresholds or {}, asked.languages or {})
    return named.model_copy(update=changes) if changes else named


def _languages(named: Policy, thresholds: Thresholds, languages: Languages) -> Languages:
    """Return a policy's languages with what is asked for all of them, where that is stricter, and for each of them."""
    found = {
        code: {category: min(score, thresholds.get(category, score)) for category, score in own.items()}
        for code, own in named.languages.items()
    }
    return found | {code: {**found.get(code, {}), **own} for code, own in languages.items()}


def _check_categories(catalog: Catalog, place: tuple[str, ...], thresholds: Thresholds) -> None:
    for category in thresholds:
        if catalog.categories is not None and category not in catalog.categories:
            raise _bad((_BODY_KEY, *place, category), unknown("category", category, catalog.categories))


def _forbid_loosening(catalog: Catalog, param: str, named: Policy, wanted: Policy) -> None:
    if named is not catalog.default and not named.open_to_requests:
        for key in loosened(catalog.default, named):
            problem = f"policy '{named.name}' is looser than '{catalog.default.name}' in '{key}'"
            raise Forbidden(param, f"{param}: {problem}; {_RIGHT}")
    for key in loosened(named, wanted):
        problem = f"looser than in policy '{named.name}'"
        raise Forbidden(f"{_BODY_KEY}.{key}", f"{_BODY_KEY}.{key}: {problem}; {_RIGHT}")


def _bad(path: tuple[str, ...], problem: str) -> BadRequest:
    param = ".".join(path)
    return BadRequest(param, f"{param}: {problem}")
