"""Azure's paths lead to vLLM's routes, and to no other."""

import json
from typing import Any

import pytest

from server.api.azure import OPERATIONS, azures, named, rewritten


def led(path: str, **more: Any) -> tuple[str, str | None]:
    scope: dict[str, Any] = {"path": path, **more}
    deployment = rewritten(scope)
    return scope["path"], deployment


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("model", ["mini", "org/name", "chat", "chat/completions", "a b"])
def test_a_deployment_is_a_model(operation: str, model: str) -> None:
    assert led(f"/openai/deployments/{model}/{operation}") == (f"/v1/{operation}", model)


@pytest.mark.parametrize("rest", ["responses", "responses/resp_1", "models", "models/org/name", "chat/completions"])
def test_the_rest_of_azures_api_is_openais(rest: str) -> None:
    assert led(f"/openai/{rest}") == led(f"/openai/v1/{rest}") == (f"/v1/{rest}", None)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/chat/completions",
        "/v1/openai/models",
        "/openai",
        "/openai/",
        "/openai/deployments/mini",
        "/openai/deployments/mini/images/generations",
        "/openai/deployments//chat/completions",
        "/openai/v1/deployments/mini/chat/completions",
        "/openai/models\n",
        "//openai/models",
    ],
)
def test_any_other_path_stays(path: str) -> None:
    assert led(path) == (path, None)


def test_a_root_path_stays_before_it() -> None:
    assert led("/base/openai/models", root_path="/base") == ("/base/v1/models", None)
    assert led("/openai/models", root_path="/base") == ("/base/v1/models", None)


def test_the_deployment_is_the_model_whatever_the_body_says() -> None:
    for given in ({"prompt": "ä"}, {"model": "other", "prompt": "ä"}):
        asked = dict(given)
        body = named(asked, json.dumps(given).encode(), "mini")
        assert json.loads(body) == asked == {"prompt": "ä", "model": "mini"}


@pytest.mark.parametrize(
    ("asked", "deployment"), [({"model": "mini"}, "mini"), ({"model": "mini"}, None), ({}, "mini"), ({}, None)]
)
def test_a_body_that_needs_no_name_stays_byte_for_byte(asked: dict[str, Any], deployment: str | None) -> None:
    assert named(asked, b'{ "model" : "mini" }', deployment) == b'{ "model" : "mini" }'


def test_azures_paths_are_told_from_others_behind_a_root_path_too() -> None:
    assert azures({"path": "/openai/models"}) and azures({"path": "/base/openai/models", "root_path": "/base"})
    assert not azures({"path": "/v1/openai/models"}) and not azures({"path": "/openai"})
