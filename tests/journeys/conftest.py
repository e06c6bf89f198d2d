"""OpenAI's own client of both servers."""

from collections.abc import Iterator

import pytest
from openai import OpenAI

from tests.live.servers import Servers


@pytest.fixture(scope="session")
def client(servers: Servers) -> Iterator[OpenAI]:
    """An OpenAI client of our server."""
    with OpenAI(base_url=f"{servers.guarded}/v1", api_key="none", max_retries=0, timeout=60) as ours:
        yield ours


@pytest.fixture(scope="session")
def plain(servers: Servers) -> Iterator[OpenAI]:
    """An OpenAI client of plain vLLM's server over the same engine."""
    with OpenAI(base_url=f"{servers.plain}/v1", api_key="none", max_retries=0, timeout=60) as bare:
        yield bare
