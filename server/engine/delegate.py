"""An engine client that passes everything on to another one: what those that change a little begin from."""

from collections.abc import Callable
from typing import Any

from vllm.engine.protocol import EngineClient


def _delegating(name: str) -> Callable[..., Any]:
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(self.inner, name)(*args, **kwargs)

    call.__name__ = name
    return call


def _delegated_property(name: str) -> property:
    def get(self: Any) -> Any:
        return getattr(self.inner, name)

    return property(get)


class Delegate(EngineClient):  # type: ignore[misc]
    """Every public member of EngineClient, present or to come, passed on to `inner`."""

    def __init__(self, inner: EngineClient) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["inner"], name)


for _name in [name for name in dir(EngineClient) if not name.startswith("_")]:
    if isinstance(getattr(EngineClient, _name), property):
        setattr(Delegate, _name, _delegated_property(_name))
    else:
        setattr(Delegate, _name, _delegating(_name))
Delegate.__abstractmethods__ = frozenset()
