"""What requests send becomes a model, or a 400 that names the first key that does not fit."""

from collections.abc import Mapping

from server.errors import BadRequest
from server.policy.shape import Misfit, Model, fit


def fit_body(model: type[Model], given: object, *place: str) -> Model:
    """Return what is given as `model`. BadRequest names the key, whose path begins with `place`."""
    try:
        return fit(model, given)
    except Misfit as misfit:
        param = ".".join((*place, *misfit.path)) or "body"
        raise BadRequest(param, f"{param}: {misfit.problem}") from None


def without_nulls(raw: object) -> object:
    """Return an object without the keys that are null: OpenAI's API takes null for "not given", and clients send it."""
    return {key: value for key, value in raw.items() if value is not None} if isinstance(raw, Mapping) else raw
