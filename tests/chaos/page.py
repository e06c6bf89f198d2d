"""The page of a run: docs/chaos.md."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime

from reporting.markdown import table
from tests.chaos.fault import Row

HEAD = ("fault", "what clients saw", "metrics, red pages", "then", "verdict")
INTRODUCTION = """\
# Faults on a running server

`make chaos` starts `unsay serve mini` and `unsay scorer` as an operator would, has clients ask on
every route all the while, and breaks one thing after another (`tests/chaos/breaking/` has a class
for each). The scorer flags a few common syllables, so that nearly every answer is being rewound
when the fault comes. `make chaos CHAOS_ARGS="--only EngineKilled --logs FOLDER"` tries one and
keeps the logs. The clock is set by libfaketime (Debian: `faketime`); without it that row says so.

A row is as it should be if

- no client read anything that was flagged;
- every request had one clean end: an answer with its finish reason, one cut short
  (`content_filter`), or an error in the shape of its route. None hung, no stream broke off. Of a
  server that has ended, nobody is owed an answer to a request that it had not begun;
- the metrics and pages that tell of the fault did;
- the server answered again without help, with nothing left in its engine, or ended with the exit
  code that its row expects: 0 at a signal, 1 where the engine has died, so that whoever supervises
  it starts it again.

This page is written by the run. The last one, {when}, on {cores} cores:

"""


def written(rows: Sequence[Row]) -> str:
    """The page in Markdown."""
    when, cores = datetime.now(UTC).strftime("%Y-%m-%d"), len(os.sched_getaffinity(0))
    return INTRODUCTION.format(when=when, cores=cores) + tabled(rows) + "\n"


def tabled(rows: Sequence[Row]) -> str:
    """The table alone."""
    return table(HEAD, [(row.what, row.saw, row.metrics, row.recovery, row.verdict) for row in rows])
