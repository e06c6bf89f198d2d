"""`python -m tests.fuzz --streams 100000`: exits with 1 if anything leaked or broke."""

import argparse
import asyncio
import sys
from contextlib import nullcontext

from rich.console import Console

from tests.fuzz.case import ROUTES
from tests.fuzz.faults import FAULTS
from tests.fuzz.run import fuzz, report


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0, help="number of the first stream")
    parser.add_argument("--only", type=int, help="play this stream alone, to see what was wrong with it")
    parser.add_argument("--route", choices=sorted(ROUTES), help="ask on this route alone")
    parser.add_argument("--fault", choices=sorted(FAULTS), help="put a fault in, to see it found")
    args = parser.parse_args()
    numbers = range(args.seed, args.seed + args.streams) if args.only is None else [args.only]
    with FAULTS[args.fault]() if args.fault else nullcontext():
        found = asyncio.run(fuzz(numbers, args.route, enough=20))
    report(found, Console(width=120))
    sys.exit(not found.clean)


if __name__ == "__main__":
    main()
