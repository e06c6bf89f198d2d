"""All faults one after another, and the page that tells of them."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.chaos.fault import Fault, Row, observed
from tests.chaos.processes import House


async def chaos(faults: Sequence[type[Fault]], tell: Callable[[str], None], logs: Path | None = None) -> list[Row]:
    """Have all of them happen; one that breaks the trial itself is a row, too."""
    rows = []
    with TemporaryDirectory(prefix="unsay-chaos-") as folder:
        house = House(logs or Path(folder))
        try:
            for number, fault in enumerate(faults, 1):
                tell(f"{number}/{len(faults)} {fault.what}")
                rows.append(await _row(fault(), house))
                tell(f"    {rows[-1].saw} | {rows[-1].metrics} | {rows[-1].recovery} | {rows[-1].verdict}")
        finally:
            house.close()
    return rows


async def _row(fault: Fault, house: House) -> Row:
    try:
        return await observed(fault, house)
    except Exception as error:
        house.close()
        while isinstance(error, ExceptionGroup):
            error = error.exceptions[0]
        return Row(fault.what, wrong=[f"the trial failed: {type(error).__name__}: {error}"])


def run(faults: Sequence[type[Fault]], tell: Callable[[str], None], logs: Path | None) -> list[Row]:
    return asyncio.run(chaos(faults, tell, logs))
