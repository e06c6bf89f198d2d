"""The guarded engine client of a whole server, with what its routes need and what is closed at its end."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

from fastapi import FastAPI

from server.engine.client import GuardedEngineClient
from server.feedback.service import Feedback
from server.generation.services import Services
from server.keys.file import Keys
from server.keys.quotas import Quotas
from server.policy.catalog import Catalog
from server.reloading import Current


class ServedClient(GuardedEngineClient):
    """A GuardedEngineClient under the policies of `catalog`. `closing` holds what guards, as long as it has to.

    `keys` are those of the file, if there is one; `quotas` are theirs. `feedback` is kept, if anybody wants it.

    `look_after` is called with the application once all else has been added to it.
    """

    def __init__(
        self,
        inner: Any,
        services: Services,
        catalog: Current[Catalog],
        closing: AsyncExitStack,
        look_after: Callable[[FastAPI], None],
        *,
        allow_loosen: bool,
        exact: bool,
        quotas: Quotas,
        keys: Current[Keys] | None = None,
        feedback: Feedback | None = None,
        spells: bool = True,
    ) -> None:
        super().__init__(inner, services, lambda: catalog.value.default, exact=exact)
        self.spells = spells
        self.catalog = catalog
        self.quotas = quotas
        self.keys = keys
        self.feedback = feedback
        self.closing = closing
        self.look_after = look_after
        self.allow_loosen = allow_loosen
