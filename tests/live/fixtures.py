"""The fixture over the real engine, one for the whole run: journeys, the engine's contract and a benchmark share it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from filters.scorers.detoxify import DetoxifyScorer
    from tests.live.servers import Servers


@pytest.fixture(scope="session")
def servers(detoxify_scorer: "DetoxifyScorer") -> Iterator["Servers"]:
    """Plain vLLM's server and ours, over one real engine; it judges by the bundled classifier until a test swaps it."""
    from tests.live.scorer import SwitchableScorer
    from tests.live.servers import serving  # imports vLLM: seconds that runs without it are spared

    with serving(SwitchableScorer(detoxify_scorer)) as both:
        yield both
