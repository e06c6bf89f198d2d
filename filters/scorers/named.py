"""How a command line names what judges: `KIND:REST`, where one kind is a function that Python can import."""

import importlib
from collections.abc import Callable, Sequence
from typing import Any

from filters.scorer import ScorerLoadError

REMEDY = "expected MODULE:FUNCTION of something that Python can import (PYTHONPATH says where it looks)"


def split(spec: str, forms: Sequence[str], *, otherwise: str = "") -> tuple[str, str]:
    """Return the kind and what follows its colon, of a `spec` that has one of the `forms` (`KIND:WHAT FOLLOWS`).

    ScorerLoadError with all forms if it has none of them; `otherwise` says what else may stand there.
    """
    kind, _, rest = spec.partition(":")
    if not rest or kind not in {form.partition(":")[0] for form in forms}:
        *most, last = [*forms, otherwise] if otherwise else forms
        raise ScorerLoadError(spec, f"expected {', '.join(most)} or {last}")
    return kind, rest


def imported(spec: str, entry: str) -> Callable[..., Any]:
    """Return the function that `entry` names, MODULE:FUNCTION. ScorerLoadError, naming `spec`, if there is none."""
    module, _, function = entry.partition(":")
    try:
        found = getattr(importlib.import_module(module), function)
    except Exception as error:  # a module may raise anything while it is imported
        raise ScorerLoadError(spec, f"{error}; {REMEDY}") from None
    if not callable(found):
        raise ScorerLoadError(spec, "is not a function")
    called: Callable[..., Any] = found
    return called
