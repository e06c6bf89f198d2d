"""A delegate passes everything on; what it overrides is its own business (tests/engine/test_client.py)."""

from typing import Any

import pytest
from vllm.engine.protocol import EngineClient

from server.engine.delegate import Delegate


class Inner:
    errored = True
    other = 7

    def shutdown(self, timeout: float | None = None) -> tuple[str, float | None]:
        return "down", timeout


def test_members_are_passed_on_with_their_arguments_declared_or_not() -> None:
    inner: Any = Inner()
    delegate = Delegate(inner)
    assert delegate.errored is True and delegate.other == 7
    assert delegate.shutdown(timeout=2.0) == ("down", 2.0)
    with pytest.raises(AttributeError):
        _ = delegate.no_such_member


def test_no_public_member_of_an_engine_client_is_its_own() -> None:
    named = [name for name in dir(EngineClient) if not name.startswith("_")]
    assert named and all(name in vars(Delegate) for name in named)
