"""Untrusted values become models here, or one sentence that says what does not fit.

1. A sentence says what was found in kind, and the value itself only if it is short.
2. A sentence says what was expected, read from the model itself: a rule is never written twice.
3. Only the first thing that does not fit is reported.
4. Where values may be secrets (`private`), none is said, and of the name of a key no more than a few letters.
"""

import difflib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from server.policy.policy import NAME_RULE

Model = TypeVar("Model", bound=BaseModel)
Schema = Mapping[str, Any]

_LONGEST_SHOWN = 40
_LONGEST_PRIVATE = 24
"""What is written by hand as the name of a setting is shorter than that; a secret is longer."""
# An int of JSON or YAML may have thousands of digits, and Python refuses to print those (sys.int_info).
_MOST_BITS_SHOWN = 64

_KINDS = {
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "array": "a list",
    "object": "an object",
}
_BOUNDS = {
    ("minimum", "maximum"): " from {} to {}",
    ("minimum",): " of at least {}",
    ("exclusiveMinimum",): " above {}",
    ("minItems", "maxItems"): " of {} to {}",
    ("minLength", "maxLength"): " of {} to {} characters",
}
"""The words for each kind and for the bounds of a JSON schema; of several that fit the first."""


class Misfit(ValueError):
    """What does not fit: `path` leads to the key, `problem` says what was found and what was expected."""

    def __init__(self, path: tuple[str, ...], problem: str) -> None:
        super().__init__(f"{'.'.join(path)}: {problem}")
        self.path = path
        self.problem = problem


def fit(model: type[Model], raw: object, *, private: bool = False) -> Model:
    """Parse `raw` as `model`; raises Misfit with the path inside `raw`."""
    if not isinstance(raw, dict):
        raise Misfit((), mismatch(raw, "an object", private=private))
    for key in raw:
        if key not in model.model_fields:
            raise Misfit((key_text(key, private=private),), unknown("key", key, model.model_fields))
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise _misfit(model, raw, error, private=private) from None


def mismatch(found: object, expected: str, *, private: bool = False) -> str:
    """Say what stands there and what should."""
    return f"found {kind_of(found, private=private)}, expected {expected}"


def unknown(what: str, name: object, known: Iterable[str]) -> str:
    """Say that `name` is none of the known ones, which is nearest, and which there are."""
    names = sorted(known)
    nearest = difflib.get_close_matches(key_text(name), names, n=1)
    hint = f", did you mean '{nearest[0]}'?" if nearest else ";"
    return f"unknown {what}{hint} known: {', '.join(names) or 'none'}"


def key_text(key: object, *, private: bool = False) -> str:
    """Name a key that came from outside: short, printable, and safe to encode."""
    text = key if isinstance(key, str) else kind_of(key, private=private)
    if private and len(text) > _LONGEST_PRIVATE:
        return kind_of(text, private=True)
    if len(text) <= _LONGEST_SHOWN and text.isprintable():
        return text
    return ascii(text[:_LONGEST_SHOWN])


def kind_of(value: object, *, private: bool = False) -> str:
    """Describe a value of JSON or YAML by its kind, and by itself if that is short."""
    match value:
        case None | True | False:
            return {None: "null", True: "true", False: "false"}[value]
        case int() if value.bit_length() > _MOST_BITS_SHOWN:
            return "a very large whole number"
        case int() | float():
            return "a number" if private else f"the number {value}"
        case str() if len(value) <= _LONGEST_SHOWN and not private:
            return f"the text {value!r}"
        case str():
            return f"a text of {len(value)} characters"
        case list() | tuple():
            return f"a list of {len(value)}"
        case dict():
            return "an object"
        case _:
            return f"a {type(value).__name__}"


@lru_cache(maxsize=8)
def schema_of(model: type[BaseModel]) -> Schema:
    """Return the JSON schema of a model; made once, as it is slow to make."""
    return model.model_json_schema()


def expectation(schema: Schema) -> str:
    """Say in words what a JSON schema expects."""
    schema = _given(schema)
    if "expected" in schema:
        return str(schema["expected"])
    if "enum" in schema:
        return "one of " + ", ".join(schema["enum"])
    kind, inner = schema["type"], _inner(schema)
    bounds = (words.format(*map(schema.get, names)) for names, words in _BOUNDS.items() if {*names} <= schema.keys())
    each = f", each {'value ' * (kind == 'object')}{expectation(inner)}" if inner else ""
    return _KINDS[kind] + next(bounds, "") + each


def _misfit(model: type[BaseModel], raw: Mapping[Any, object], error: ValidationError, *, private: bool) -> Misfit:
    first = error.errors(include_url=False)[0]
    path = tuple(key_text(str(step), private=private) for step in first["loc"])
    if path[-1] == "[key]":
        return Misfit(path[:-1], mismatch(first["input"], NAME_RULE, private=private))
    schema = schema_of(model)
    for step in path:
        schema = _given(schema).get("properties", {}).get(step) or _inner(_given(schema))
    expected = first["ctx"]["error"] if first["type"] == "value_error" else expectation(schema)
    if first["type"] == "missing":
        return Misfit(path, f"missing, expected {expected}")
    default = "" if path[0] in raw else " (the default)"
    return Misfit(path, f"found {kind_of(first['input'], private=private)}{default}, expected {expected}")


def _given(schema: Schema) -> Schema:
    """Return what an optional key takes when it is given; the other member is null."""
    return schema["anyOf"][0] if "anyOf" in schema else schema


def _inner(schema: Schema) -> Schema:
    """Return what each item of a list or value of a mapping must be; Pydantic keeps the latter by key pattern."""
    patterns = schema.get("patternProperties", {})
    inner = schema.get("items") or next(iter(patterns.values()), schema.get("additionalProperties"))
    return inner if isinstance(inner, dict) else {}
