"""`unsay audit verify FILE...` and `unsay audit report FILE...`: what `--audit-out` wrote, checked and counted.

Exit status: 0 whole, 1 changed or gone in the middle, 3 cut at the end, 2 for words or files that cannot be used.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from reporting.options import command_parser
from server.audit.chain import Finding, State, in_order, lines, verify
from server.audit.report import counted, written
from server.errors import StartError

STATUS: Mapping[State, int] = {"whole": 0, "broken": 1, "cut": 3}
DESCRIPTION = """\
Read the audit log of `unsay serve --audit-out FILE`, with its rotated files, in any order.

  unsay audit verify audit.jsonl*            does every record fit the one before?
  unsay audit report audit.jsonl*            answers by day, action, policy, key, category
"""


def main(argv: Sequence[str]) -> int:
    """Run `unsay audit` with the words after it; return the exit code. SystemExit(2) for words it does not know."""
    known = _parser().parse_args(argv)
    try:
        files = in_order(known.files)
        finding = verify(files, known.head)
        if known.what == "report":
            sys.stderr.write(_told(finding))
            sys.stdout.write(written(counted(_records(files))))
        else:
            sys.stdout.write(_told(finding))
    except StartError as error:
        sys.stderr.write(f"unsay audit: {error}\n")
        return 2
    return STATUS[finding.state]


def _parser() -> argparse.ArgumentParser:
    parser = command_parser("unsay audit", DESCRIPTION)
    parser.add_argument("what", choices=("verify", "report"))
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--head", metavar="HASH", help="a hash that an earlier check told: its record has to be there")
    return parser


def _told(finding: Finding) -> str:
    chains = f"{finding.chains} chain{'' if finding.chains == 1 else 's'}"
    last = f"the last {finding.head.seq} with the hash {finding.head.hash}"
    return f"{finding.state}: {finding.words}\n{finding.records} records in {chains}, {last}\n"


def _records(files: Sequence[Path]) -> Iterator[Mapping[str, Any]]:
    return (line.said for file in files for _, _, line in lines(file) if line is not None)
