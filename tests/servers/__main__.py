"""`python -m tests.servers [command | plugin]`: starts the processes through a door, tries them, prints the table."""

import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.servers.house import House
from tests.servers.run import one_killed, together, without_scorer
from tests.servers.table import table


async def main(door: str) -> str:
    """Try everything once."""
    with TemporaryDirectory() as folder:
        house = House(Path(folder), door)
        try:
            await house.up()
            return table(await together(house), await without_scorer(house), await one_killed(house))
        finally:
            house.close()
            await house.web.aclose()


if __name__ == "__main__":
    sys.stdout.write(asyncio.run(main(*sys.argv[1:2] or ["command"])) + "\n")
