"""`python -m tests.chaos`: exits with 1 if anything leaked, hung or stayed broken."""

import argparse
import signal
import sys
from pathlib import Path

from reporting.progress import say
from tests.chaos.breaking import FAULTS
from tests.chaos.page import tabled, written
from tests.chaos.run import run


def main() -> None:
    """The command line."""
    names = {fault.__name__: fault for fault in FAULTS}
    parser = argparse.ArgumentParser("python -m tests.chaos", description=__doc__)
    parser.add_argument("--only", action="append", choices=names, metavar="FAULT", help=f"{', '.join(names)} (again)")
    parser.add_argument("--logs", type=Path, metavar="FOLDER", help="keep the processes' logs there (default: nowhere)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the page there (docs/chaos.md)")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that no process of ours is left behind
    rows = run([names[name] for name in args.only or names], say, args.logs)
    sys.stdout.write(tabled(rows) + "\n")
    if args.out:
        args.out.write_text(written(rows), encoding="utf-8")
    sys.exit(any(row.wrong for row in rows))


if __name__ == "__main__":
    main()
