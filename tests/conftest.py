"""What costs seconds to make and is shared by the whole run."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from openai import OpenAI

from filters.scorers.detoxify import DetoxifyScorer

if TYPE_CHECKING:
    from tests.live.servers import Servers

# The same examples in every run; `--hypothesis-profile default` looks for new ones.
settings.register_profile("ci", derandomize=True, deadline=None, database=None)
settings.load_profile("ci")

BUNDLED_CLASSIFIER = Path(__file__).resolve().parents[1] / "models" / "classifier"


@pytest.fixture(scope="session")
def bundled_classifier() -> Path:
    """The folder of the bundled classifier."""
    return BUNDLED_CLASSIFIER


@pytest.fixture(scope="session")
def detoxify_scorer(bundled_classifier: Path) -> DetoxifyScorer:
    """The real detoxify with the bundled weights, loaded once."""
    return DetoxifyScorer.load(str(bundled_classifier))


@pytest.fixture(scope="session")
def servers(detoxify_scorer: DetoxifyScorer) -> Iterator["Servers"]:
    """Plain vLLM's server and ours, over one real engine; it judges by the bundled classifier until a test swaps it."""
    from tests.live.scorer import SwitchableScorer
    from tests.live.servers import serving  # imports vLLM: seconds that runs without it are spared

    with serving(SwitchableScorer(detoxify_scorer)) as both:
        yield both


@pytest.fixture(scope="session")
def client(servers: "Servers") -> Iterator[OpenAI]:
    """An OpenAI client of our server."""
    with OpenAI(base_url=f"{servers.guarded}/v1", api_key="none", max_retries=0, timeout=60) as ours:
        yield ours


@pytest.fixture(scope="session")
def plain(servers: "Servers") -> Iterator[OpenAI]:
    """An OpenAI client of plain vLLM's server over the same engine."""
    with OpenAI(base_url=f"{servers.plain}/v1", api_key="none", max_retries=0, timeout=60) as bare:
        yield bare
