"""Two API servers over two engine cores with one scorer for both, started once: every step goes on from the last one.

In one test, since nobody could say in which order several were run.
"""

from pathlib import Path

import pytest

from tests.servers.house import SERVERS, House
from tests.servers.run import OneKilled, Together, WithoutScorer, one_killed, together, without_scorer
from tests.servers.streams import STREAMS
from tests.servers.table import table


@pytest.mark.timeout(1800)
async def test_two_servers_over_two_engine_cores(tmp_path: Path) -> None:
    house = House(tmp_path)
    try:
        await house.up()
        first = await together(house)
        holds_together(first)
        second = await without_scorer(house)
        nothing_is_released_without_a_scorer(second)
        third = await one_killed(house)
        the_others_end_well(third)
        print(table(first, second, third))  # noqa: T201
    finally:
        house.close()
        await house.web.aclose()


def holds_together(found: Together) -> None:
    """Answers of a seed are the same, whichever server and core they came from, and the page counts all of them."""
    assert found.streams.wrongs() == [] and found.streams.kinds() == {"answered": STREAMS}
    assert {number: len(texts) for number, texts in found.streams.texts().items()} == dict.fromkeys(range(16), 1)
    reports = found.streams.reports()
    assert len(reports) == STREAMS and sum(report["rewinds"] for report in reports) > STREAMS
    assert found.pages == 6, "whichever server is asked"
    assert found.total("unsay_requests_total", 'policy="patient"') == STREAMS
    assert found.total("unsay_rewinds_total") == sum(report["rewinds"] for report in reports)
    assert found.total("unsay_build_info") == 1
    assert min(found.drawn()) > 0, "both cores have drawn, and were rewound"


def nothing_is_released_without_a_scorer(found: WithoutScorer) -> None:
    assert 503 in found.ready and found.streams.wrongs() == [] and found.streams.kinds() == {"503": STREAMS}
    assert found.back


def the_others_end_well(found: OneKilled) -> None:
    """What its clients had is cut off; the others are told, or have all of their answer."""
    assert found.streams.wrongs(broken=True) == []
    broken = [each for each in found.streams.seen if each.broken]
    assert 0 < len(broken) <= STREAMS / SERVERS + 2, found.streams.kinds()
    assert found.code == 1 and found.left == []
