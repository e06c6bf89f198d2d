"""What gets around the gate that ships and what does not, and that docs/limits.md tells of it as it is."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from filters.judge import Judge
from filters.passage import Passage
from filters.verdict import Flagged
from server import app as wiring
from server.configuration import Settings
from server.policy.catalog import builtin
from server.policy.standard import standard
from server.telemetry.metrics import Metrics
from tests.evading.attempts import CLOSED, KNOWN, OPEN, Attempt

ROOT = Path(__file__).parents[2]
LIMITS = (ROOT / "docs/limits.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
async def gate() -> AsyncIterator[Judge]:
    """The judge of a server that was told nothing: bundled classifier, screen, rough pass."""
    settings, metrics = Settings(), Metrics(CollectorRegistry())
    async with wiring.judging(wiring.load_scorer(settings, metrics), settings, metrics) as judge:
        yield judge


@pytest.mark.parametrize("attempt", [*CLOSED, *KNOWN, *OPEN], ids=lambda attempt: str(attempt.name))
async def test_an_attempt_ends_as_it_is_said_to(gate: Judge, attempt: Attempt) -> None:
    verdict = await gate.judge(Passage(attempt.text, 0), standard(builtin().default))
    assert isinstance(verdict, Flagged) is attempt.flagged


@pytest.mark.parametrize(
    ("heading", "attempts"),
    [("Turned back", CLOSED[1:]), ("Not turned back, partly known", KNOWN), ("Open", OPEN)],
)
def test_the_page_tells_of_every_attempt_where_it_belongs(heading: str, attempts: tuple[Attempt, ...]) -> None:
    (part,) = re.findall(rf"^### {heading}\n(.*?)(?=^#|\Z)", LIMITS, re.MULTILINE | re.DOTALL)
    assert re.findall(r"^\| ([^|]+) \|", part, re.MULTILINE)[1:] == [attempt.name for attempt in attempts]


def test_the_front_page_leads_there() -> None:
    assert "(docs/limits.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
