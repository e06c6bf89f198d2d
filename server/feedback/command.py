"""`unsay feedback export|report|erase` and `unsay db upgrade|downgrade|current`, over the database of a server.

Which database: `--feedback-db`, UNSAY_FEEDBACK_DB, or the file of UNSAY_CONFIG, as for `unsay serve`.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TextIO

from sqlalchemy.orm import Session

from server.configuration import Settings, configured
from server.environment import environment
from server.errors import StartError, Unavailable
from server.feedback import exports, retention, schema
from server.feedback.audit import LoggedAudit
from server.feedback.database import Database
from server.feedback.options import add_database
from server.telemetry import logs

OWNER_ONLY = 0o600
_Run = Callable[[Database, argparse.Namespace], None]


def feedback(argv: Sequence[str]) -> int:
    """Run `unsay feedback` with the words after it; return the exit code. SystemExit(2) for words it does not know."""
    parser = argparse.ArgumentParser("unsay feedback", description="What people said of answers.", allow_abbrev=False)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    export = _command(commands, "export", "write it to standard output or a file, a JSON object a line", _export)
    export.add_argument("what", choices=exports.LINES, help="what to write (docs/feedback.md)")
    export.add_argument("--out", type=Path, metavar="FILE", help="a new file, which only its owner may read")
    _command(commands, "report", "say what reviewers make of it: quality, and how far they agree", _report)
    erase = _command(commands, "erase", "delete what a key, or a user, has been answered and has said", _erase)
    erase.add_argument("--key", metavar="NAME", help="of this key")
    erase.add_argument("--user", metavar="ID", help="of this user, as requests name it (`user`, `safety_identifier`)")
    return _run(parser, argv)


def db(argv: Sequence[str]) -> int:
    """Run `unsay db` likewise."""
    parser = argparse.ArgumentParser("unsay db", description="The tables of feedback.", allow_abbrev=False)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _command(commands, "upgrade", "bring them to the version of this unsay, as a server does at its start", _upgrade)
    down = _command(commands, "downgrade", "bring them back to an older version", _downgrade)
    down.add_argument("version", help="that one, or `base` for none: all is lost then")
    _command(commands, "current", "say of which version they are", _current)
    return _run(parser, argv)


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, about: str, run: _Run
) -> argparse.ArgumentParser:
    made = commands.add_parser(name, help=about, description=about, allow_abbrev=False)
    made.set_defaults(run=run)
    add_database(made)
    return made


def _run(parser: argparse.ArgumentParser, argv: Sequence[str]) -> int:
    known = parser.parse_args(argv)
    given = {} if known.feedback_db is None else {"feedback_db": known.feedback_db}
    try:
        settings = configured(Settings, given, environment())
        if settings.feedback_db is None:
            raise StartError("feedback_db: name the database: --feedback-db FILE, or UNSAY_FEEDBACK_DB")
        logs.configure(settings.log_level)
        database = Database(settings.feedback_db)
        try:
            known.run(database, known)
        finally:
            database.close()
    except (StartError, Unavailable, schema.UnknownSchema) as error:
        sys.stderr.write(f"unsay: {error}\n")
        return 1
    return 0


def _export(database: Database, known: argparse.Namespace) -> None:
    with _output(known.out) as output:
        count = database.now(lambda session: _write(session, known.what, output), reading=True)
    LoggedAudit().note("export", what=known.what, lines=count)


def _write(session: Session, what: str, output: TextIO) -> int:
    count = 0
    for line in exports.LINES[what](session):
        output.write(json.dumps(line, ensure_ascii=False) + "\n")
        count += 1
    return count


def _output(path: Path | None) -> AbstractContextManager[TextIO]:
    """Return where lines go. StartError if there is such a file already, or there can be none."""
    if path is None:
        return nullcontext(sys.stdout)
    try:
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "w", encoding="utf-8")
    except OSError as error:
        raise StartError(f"--out: {path}: {error.strerror}; name a file that is not there yet") from None


def _report(database: Database, known: argparse.Namespace) -> None:
    sys.stdout.write(json.dumps(database.now(exports.report, reading=True), indent=2) + "\n")


def _erase(database: Database, known: argparse.Namespace) -> None:
    if known.key is None and known.user is None:
        raise StartError("erase: name whose: --key NAME, --user ID, or both for a user of a key")
    erased = database.now(lambda session: retention.erase(session, key=known.key, user=known.user))
    LoggedAudit().note("erase", key=known.key or "any", of_user=known.user is not None, answers=erased)
    sys.stdout.write(f"erased: {erased} answers, with all that was said of them\n")


def _upgrade(database: Database, known: argparse.Namespace) -> None:
    schema.upgrade(database.engine)
    _current(database, known)


def _downgrade(database: Database, known: argparse.Namespace) -> None:
    schema.downgrade(database.engine, known.version)
    _current(database, known)


def _current(database: Database, known: argparse.Namespace) -> None:
    found = schema.current(database.engine) or "no tables"
    sys.stdout.write(f"{found} (this unsay works with {schema.newest()})\n")
