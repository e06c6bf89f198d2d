"""The guarded engine client of a whole server, with what its routes need and what is closed at its end."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

from fastapi import FastAPI

from server.engine.client import GuardedEngineClient
from server.generation.services import Services
from server.policy.catalog import Catalog


class ServedClient(GuardedEngineClient):
    """A GuardedEngineClient under the policies of `catalog`. `closing` holds what guards, as long as it has to.

    `look_after` is called with the application once all else has been added to it.
    """

    def __init__(
        self,
        inner: Any,
        services: Services,
        catalog: Catalog,
        closing: AsyncExitStack,
        look_after: Callable[[FastAPI], None],
        *,
        allow_loosen: bool,
        exact: bool,
        spells: bool = True,
    ) -> None:
        super().__init__(inner, services, catalog.default, exact=exact, spells=spells)
        self.catalog = catalog
        self.closing = closing
        self.look_after = look_after
        self.allow_loosen = allow_loosen
