"""The policy of one request: what its body and header ask for, held against what its key may have.

1. A request may tighten freely. To loosen, its API key needs the right (server/keys/key.py).
2. A policy is chosen by the key `policy` in the body or by the header; naming two different ones is an error.
3. A policy that the operator opened to requests may be chosen without the right, but not loosened further.
4. A key that has policies of its own may choose among these and no others, without the right; the first one is what a
   request has that names none. One that is not there lets nobody pass.
5. OpenAI's `moderation` object tightens what comes of all this (server/policy/moderation.py).
6. A request that asks for nothing costs nothing.
"""

from collections.abc import Sequence
from dataclasses import replace

from pydantic import BaseModel, Field

from server.errors import BadRequest, Forbidden
from server.policy import moderation
from server.policy.body import fit_body, without_nulls
from server.policy.catalog import Catalog
from server.policy.looseness import loosened
from server.policy.policy import (
    STRICT,
    KeepText,
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
from server.policy.shape import kind_of, unknown

HEADER = "X-Detox-Policy"
_BODY_KEY = "detox"
_REPLACED = {"mode", "on_exhausted", "max_rewinds", "on_prompt", "on_unread", "keep_text"}
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
    keep_text: KeepText | None = Field(default=None, description="Replaces what feedback keeps of the text.")
    report: bool = Field(default=True, description="Whether the answer carries the report of every choice.")
    trace: bool = Field(default=False, description="Whether a stream tells what the guard does, for who may ask.")


def parse(raw: object) -> DetoxRequest:
    """Read a `detox` object; raises BadRequest naming the first key that does not fit."""
    return fit_body(DetoxRequest, without_nulls(raw), _BODY_KEY)


def resolve(
    catalog: Catalog,
    raw_body: object | None,
    header: str | None,
    raw_moderation: object | None = None,
    *,
    may_loosen: bool,
    own: Sequence[str] = (),
) -> Resolved:
    """Return the policy of a request from its `detox` object, its `X-Detox-Policy` header and its `moderation` object.

    None: not given. `own` are the only policies that its key may have, if it has any of its own. Raises BadRequest for
    what cannot be understood and Forbidden for what is looser than allowed.
    """
    resolved = _resolved(catalog, raw_body, header, own, may_loosen=may_loosen)
    if raw_moderation is None:
        return resolved
    policy = moderation.tightened(resolved.policy, moderation.parse(raw_moderation))
    return replace(resolved, policy=policy, moderation=True)


def _resolved(
    catalog: Catalog, raw_body: object | None, header: str | None, own: Sequence[str], *, may_loosen: bool
) -> Resolved:
    if raw_body is None and header is None and not own:
        return catalog.unasked
    asked = parse(raw_body) if raw_body is not None else DetoxRequest()
    param, named = _chosen(catalog, asked.policy, header, own)
    wanted = _overlaid(catalog, named, asked)
    if not may_loosen:
        _forbid_loosening(catalog, param, named, wanted, own=bool(own))
    return Resolved(wanted, asked.report, trace=asked.trace)


def _chosen(catalog: Catalog, in_body: str | None, in_header: str | None, own: Sequence[str]) -> tuple[str, Policy]:
    """Return where a policy was named, for error messages, and the policy."""
    header = in_header.strip() if in_header is not None else None
    if in_body is not None and header is not None and in_body != header:
        raise _bad((_BODY_KEY, "policy"), f"another policy than in the header {HEADER}, expected one of the two only")
    name = in_body if in_body is not None else header
    param = f"{_BODY_KEY}.policy" if in_body is not None else HEADER
    if own:
        return param, _own(catalog, own, param, name)
    if name is None:
        return param, catalog.default
    if name not in catalog.policies:
        raise _bad((param,), f"found {kind_of(name)}, " + unknown("policy", name, catalog.policies))
    return param, catalog.policies[name]


def _own(catalog: Catalog, own: Sequence[str], param: str, name: str | None) -> Policy:
    """Return a key's own policy, the first if none is named. Forbidden for any other, and if it is not there."""
    if name is not None and name not in own:
        raise Forbidden(param, f"{param}: found {kind_of(name)}; the policies of this API key are: {', '.join(own)}")
    found = catalog.policies.get(name or own[0])
    if found is None:
        problem = "this API key has it, but the server does not; the operator has to add it, or to take it from the key"
        raise Forbidden(param, f"{param}: policy '{name or own[0]}': {problem}")
    return found


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


def _forbid_loosening(catalog: Catalog, param: str, named: Policy, wanted: Policy, *, own: bool) -> None:
    if named is not catalog.default and not named.open_to_requests and not own:
        for key in loosened(catalog.default, named):
            problem = f"policy '{named.name}' is looser than '{catalog.default.name}' in '{key}'"
            raise Forbidden(param, f"{param}: {problem}; {_RIGHT}")
    for key in loosened(named, wanted):
        problem = f"looser than in policy '{named.name}'"
        raise Forbidden(f"{_BODY_KEY}.{key}", f"{_BODY_KEY}.{key}: {problem}; {_RIGHT}")


def _bad(path: tuple[str, ...], problem: str) -> BadRequest:
    param = ".".join(path)
    return BadRequest(param, f"{param}: {problem}")
