"""A client over upstreams, made once for all tests: each gives a copy of it upstreams of its own."""

import pytest

from server.embedded import Models
from server.engine import launcher
from server.engine.upstream.client import UpstreamClient
from server.engine.upstream.configuration import without_engine
from server.environment import cache_folder
from tests.engine.upstream.scripted import Told


@pytest.fixture(scope="session")
def base() -> UpstreamClient:
    """A client for the bundled model, as `unsay serve mini --upstream ...` has it, over nobody."""
    config = without_engine(launcher.parse(["mini"], Models(cache_folder(), lambda line: None), elsewhere=True))
    return UpstreamClient(config, [], Told())
