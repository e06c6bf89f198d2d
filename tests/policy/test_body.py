import pytest
from pydantic import BaseModel

from server.errors import BadRequest
from server.policy.body import fit_body, without_nulls
from server.policy.policy import STRICT


class Body(BaseModel):
    model_config = STRICT

    count: int = 1


def test_what_fits_is_the_model() -> None:
    assert fit_body(Body, {"count": 3}) == Body(count=3)


@pytest.mark.parametrize(
    ("given", "place", "param"),
    [
        ({"count": "three"}, (), "count"),
        ({"count": "three"}, ("detox",), "detox.count"),
        ({"cuont": 3}, ("a", "b"), "a.b.cuont"),
        ([], (), "body"),
        ([], ("detox",), "detox"),
    ],
)
def test_what_does_not_is_named_with_its_place(given: object, place: tuple[str, ...], param: str) -> None:
    with pytest.raises(BadRequest, match=f"^{param}: ") as refused:
        fit_body(Body, given, *place)
    assert refused.value.param == param


def test_null_is_not_given_and_nothing_else_is_left_out() -> None:
    assert without_nulls({"a": None, "b": 0, "c": ""}) == {"b": 0, "c": ""}
    assert without_nulls([None]) == [None]
    assert without_nulls(None) is None
