"""The policies a server offers, from a file or built in; all of it is checked before the server starts.

1. A catalog is frozen: requests share its policies.
2. A file's thresholds are laid over the default ones, so leaving a category out never switches it off.
3. A category that a file names must be one of the scorer's; a default one that the scorer lacks is dropped.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field

from server.errors import FileError
from server.policy import document
from server.policy.policy import DEFAULT_THRESHOLDS, NAME_RULE, STRICT, Name, Policy, Resolved, Thresholds
from server.policy.shape import Misfit, fit, mismatch, unknown

_FORMER = "loosen_keys"
"""Digests of keys stood here until there was a file of keys (server/keys/file.py)."""
_POLICY_RULE = "an object of policy keys ({} for every default)"

_Keys = Annotated[dict[str, object], Field(json_schema_extra={"expected": _POLICY_RULE})]


class _File(BaseModel):
    """The top level of a policy file."""

    model_config = STRICT
    default: Name
    policies: dict[Name, _Keys]


@dataclass(frozen=True)
class Catalog:
    """The policies by name, and the default one.

    `named` holds the categories that each policy's author wrote down.
    `categories` are the loaded scorer's, or None before `check_categories`. `source` is for error messages.
    """

    default: Policy
    policies: Mapping[str, Policy]
    source: str = "built-in policies"
    named: Mapping[str, frozenset[str]] = field(default_factory=dict)
    categories: frozenset[str] | None = None

    @cached_property
    def unasked(self) -> Resolved:
        """What a request gets that asks for nothing: made once, as most requests do."""
        return Resolved(self.default)


def load(path: Path) -> Catalog:
    """Read a policy file; raises FileError, whose message is one line."""
    source = str(path)
    raw = document.read(path, "the keys 'default' and 'policies'")
    if isinstance(raw, dict) and _FORMER in raw:
        raise FileError(
            source, (_FORMER,), "rights belong to keys: take it out, and see `unsay keys new --right loosen`"
        )
    try:
        file = fit(_File, raw)
    except Misfit as misfit:
        raise FileError(source, misfit.path, misfit.problem) from None
    if not file.policies:
        raise FileError(source, ("policies",), f"found no policy, expected at least one: {NAME_RULE}")
    policies = {name: _policy(source, name, keys) for name, keys in file.policies.items()}
    if file.default not in policies:
        raise FileError(source, ("default",), f"'{file.default}': " + unknown("policy", file.default, policies))
    return Catalog(
        default=policies[file.default],
        policies=policies,
        source=source,
        named={name: frozenset(_given_thresholds(keys)) for name, keys in file.policies.items()},
    )


def builtin() -> Catalog:
    """Return the policies of a server that was started without a file."""
    strict = {**dict.fromkeys(DEFAULT_THRESHOLDS, 0.3), "toxicity": 0.15}
    policies = (
        Policy(name="default"),
        Policy(name="strict", thresholds=strict, first_stride=8, hold_back=8),
        Policy(name="monitor", mode="monitor"),
        Policy(name="off", mode="off"),
    )
    return Catalog(default=policies[0], policies={policy.name: policy for policy in policies})


def check_categories(catalog: Catalog, scorer_categories: Collection[str]) -> Catalog:
    """Fit a catalog to the loaded scorer: return it without the default categories that the scorer lacks.

    Raises FileError if a policy names a category that the scorer lacks, or would be left with none to judge.
    """
    fitted = {name: _fitted(catalog, policy, scorer_categories) for name, policy in catalog.policies.items()}
    return replace(
        catalog,
        default=fitted[catalog.default.name],
        policies=fitted,
        categories=frozenset(scorer_categories),
    )


def describe(catalog: Catalog, only: Sequence[str] = ()) -> dict[str, object]:
    """Return the answer of `GET /v1/detox/policies`: every policy in full, or `only` these, the first the default."""
    names = [name for name in only if name in catalog.policies] if only else list(catalog.policies)
    data = [catalog.policies[name].model_dump(mode="json") for name in names]
    return {"object": "list", "default": only[0] if only else catalog.default.name, "data": data}


def _policy(source: str, name: str, keys: dict[str, object]) -> Policy:
    place = ("policies", name)
    if "name" in keys:
        raise FileError(source, (*place, "name"), f"not allowed here: this policy is named by its key, '{name}'")
    thresholds = keys.get("thresholds", {})
    merged = {**DEFAULT_THRESHOLDS, **thresholds} if isinstance(thresholds, dict) else thresholds
    try:
        return fit(Policy, {**keys, "name": name, "thresholds": merged})
    except Misfit as misfit:
        raise FileError(source, (*place, *misfit.path), misfit.problem) from None


def _given_thresholds(keys: Mapping[str, object]) -> Thresholds:
    thresholds = keys.get("thresholds", {})
    return thresholds if isinstance(thresholds, dict) else {}


def _fitted(catalog: Catalog, policy: Policy, categories: Collection[str]) -> Policy:
    place = ("policies", policy.name, "thresholds")
    for category in sorted(catalog.named.get(policy.name, frozenset()) - set(categories)):
        raise FileError(catalog.source, (*place, category), unknown("category", category, categories))
    _check_languages(catalog, policy, categories)
    kept = {category: score for category, score in policy.thresholds.items() if category in categories}
    if not kept and policy.mode != "off":
        problem = mismatch({}, f"at least one category of the loaded scorer: {', '.join(sorted(categories))}")
        raise FileError(catalog.source, place, problem)
    return policy.model_copy(update={"thresholds": kept})


def _check_languages(catalog: Catalog, policy: Policy, categories: Collection[str]) -> None:
    for code, thresholds in policy.languages.items():
        for category in sorted(thresholds.keys() - set(categories)):
            path = ("policies", policy.name, "languages", code, category)
            raise FileError(catalog.source, path, unknown("category", category, categories))
