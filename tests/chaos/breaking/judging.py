"""Faults of the scorer's process."""

import asyncio
import signal

from tests.chaos.clients import Crowd
from tests.chaos.fault import Fault
from tests.chaos.processes import House

SECONDS = 5.0


class ScorerKilled(Fault):
    """And started again, as whoever supervises it would."""

    what = "scorer process killed, started again after 5 s"
    series = ("unsay_scorer_failures_total{reason=\"error\"}",)

    async def happen(self, house: House, people: Crowd) -> None:
        assert house.scorer is not None
        house.scorer.signal(signal.SIGKILL)
        await house.scorer.ended(10)
        await asyncio.sleep(SECONDS)
        house.start_scorer()
        await house.scorer_up()
