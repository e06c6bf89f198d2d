"""The guarded engine client of a whole server, with what its routes need and what is closed at its end."""

from contextlib import AsyncExitStack
from typing import Any

from server.engine.client import GuardedEngineClient
from server.generation.services import Services
from server.policy.catalog import Catalog


class ServedClient(GuardedEngineClient):
    """A GuardedEngineClient under the policies of `catalog`. `closing` holds what guards, as long as it has to."""

    def __init__(
        self,
        inner: Any,
        services: Services,
        catalog: Catalog,
        closing: AsyncExitStack,
        *,
        allow_loosen: bool,
        exact: bool,
    ) -> None:
        super().__init__(inner, services, catalog.default, exact=exact)
        self.catalog = catalog
        self.closing = closing
        self.allow_loosen = allow_loosen
