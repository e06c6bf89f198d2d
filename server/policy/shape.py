"""Untrusted values become models here, or one sentence that says what does not fit.

1. A sentence says what was found in kind, and the value itself only if it is short.
2. A sentence says what was expected, read from the model itself: a rule is never written twice.
3. Only the first thing that does not fit is told.
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
# An int of JSON or YAML may have thousands of digits, and Python refuses to print those (sys.int_info).
_MOST_BITS_SHOWN = 64


class Misfit(ValueError):
    """What does not fit: `path` leads to the key, `problem` says what was found and what was expected."""

    def __init__(self, path: tuple[str, ...], problem: str) -> None:
        super().__init__(f"{'.'.join(path)}: {problem}")
        self.path = path
        self.problem = problem


def fit(model: type[Model], raw: object) -> Model:
    """Parses `raw` as `model`; raises Misfit with the path inside `raw`."""
    if not isinstance(raw, Mapping):
        raise Misfit((), mismatch(raw, "an object"))
    for key in raw:
        if key not in model.model_fields:
            raise Misfit((key_text(key),), unknown("key", key, model.model_fields))
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise _misfit(model, raw, error) from None


def mismatch(found: object, expected: str) -> str:
    """Says what stands there and what should."""
    return f"found {kind_of(found)}, expected {expected}"


def unknown(what: str, name: object, known: Iterable[str]) -> str:
    """Says that `name` is none of the known ones, which is nearest, and which there are."""
    names = sorted(known)
    nearest = difflib.get_close_matches(key_text(name), names, n=1)
    hint = f", did you mean '{nearest[0]}'?" if nearest else ";"
    return f"unknown {what}{hint} known: {', '.join(names) or 'none'}"


def key_text(key: object) -> str:
    """Names a key that came from outside: short, printable, and safe to encode."""
    text = key if isinstance(key, str) else kind_of(key)
    if len(text) <= _LONGEST_SHOWN and text.isprintable():
        return text
    return ascii(text[:_LONGEST_SHOWN])


def kind_of(value: object) -> str:
    """Describes a value of JSON or YAML by its kind, and by itself if that is short."""
    match value:
        case None | True | False:
            return {None: "null", True: "true", False: "false"}[value]
        case int() if value.bit_length() > _MOST_BITS_SHOWN:
            return "a very large whole number"
        case int() | float():
            return f"the number {value}"
        case str() if len(value) <= _LONGEST_SHOWN:
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
    """Gives the JSON schema of a model; made once, as it is slow to make."""
    return model.model_json_schema()


def expectation(schema: Schema) -> str:
    """Says in words what a JSON schema expects."""
    if "expected" in schema:
        return str(schema["expected"])
    if "anyOf" in schema:  # an optional key: the other member is null
        return expectation(schema["anyOf"][0])
    if "enum" in schema:
        return "one of " + ", ".join(schema["enum"])
    match schema.get("type"):
        case "boolean":
            return "true or false"
        case "integer":
            return "a whole number" + _range(schema)
        case "number":
            return "a number" + _range(schema)
        case "string":
            return "text" + _length(schema)
        case "array":
            return f"a list{_items(schema)}, each {expectation(schema['items'])}"
        case _:
            return "an object" + (f", each value {expectation(inner)}" if (inner := _values(schema)) else "")


def _misfit(model: type[BaseModel], raw: Mapping[Any, object], error: ValidationError) -> Misfit:
    first = error.errors(include_url=False)[0]
    loc = first["loc"]
    if loc[-1:] == ("[key]",):
        return Misfit((*map(key_text, loc[:-2]), key_text(first["input"])), mismatch(first["input"], NAME_RULE))
    path = tuple(str(step) if isinstance(step, int) else key_text(step) for step in loc)
    if first["type"] == "value_error":
        expected = str(first["ctx"]["error"])
    else:
        expected = expectation(_descend(schema_of(model), path))
    if first["type"] == "missing":
        return Misfit(path, f"missing, expected {expected}")
    found = kind_of(first["input"]) + ("" if path and path[0] in raw else " (the default)")
    return Misfit(path, f"found {found}, expected {expected}")


def _descend(schema: Schema, path: tuple[str, ...]) -> Schema:
    for step in path:
        here = schema["anyOf"][0] if "anyOf" in schema else schema
        schema = here.get("properties", {}).get(step) or here.get("items") or _values(here)
    return schema


def _values(schema: Schema) -> Schema:
    """Gives the schema of a mapping's values, which pydantic files under the pattern of its keys."""
    patterns = schema.get("patternProperties")
    inner = next(iter(patterns.values())) if patterns else schema.get("additionalProperties")
    return inner if isinstance(inner, dict) else {}


def _range(schema: Schema) -> str:
    match schema:
        case {"minimum": low, "maximum": high}:
            return f" from {low} to {high}"
        case {"minimum": low}:
            return f" of at least {low}"
        case {"exclusiveMinimum": low}:
            return f" above {low}"
        case _:
            return ""


def _items(schema: Schema) -> str:
    match schema:
        case {"minItems": fewest, "maxItems": most}:
            return f" of {fewest} to {most}"
        case _:
            return ""


def _length(schema: Schema) -> str:
    match schema:
        case {"minLength": shortest, "maxLength": longest}:
            return f" of {shortest} to {longest} characters"
        case _:
            return ""
