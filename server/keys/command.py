"""`unsay keys new NAME`: a fresh key, said once on standard error, and on standard output what the file says of it."""

import argparse
import io
import secrets
import sys
from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError
from ruamel.yaml import YAML

from reporting.options import count
from server.keys.key import PREFIX, RIGHTS, Quota, digest
from server.policy.policy import NAME_RULE, Name

RANDOM_BYTES = 32
DESCRIPTION = """\
Make an API key. It is said once, on standard error, and stored nowhere. What goes to standard output belongs in the
file that `unsay serve --keys-file` is given: the name, the SHA-256 of the key, and what the key may do.

  unsay keys new app --policy strict --requests-per-minute 600 --tokens-per-minute 100000 --concurrency 32
"""


def main(argv: Sequence[str]) -> int:
    """Run `unsay keys` with the words after it; return the exit code. SystemExit(2) for words it does not know."""
    known = _parser().parse_args(argv)
    key = PREFIX + secrets.token_urlsafe(RANDOM_BYTES)
    sys.stderr.write(f"The key, which is said this once:\n{key}\n")
    sys.stdout.write(entry(key, known))
    return 0


def entry(key: str, asked: argparse.Namespace) -> str:
    """Return what stands under `keys` of this key, in YAML."""
    said: dict[str, Any] = {"hash": digest(key).hex()}
    said |= {name: list(value) for name, value in (("policies", asked.policies), ("rights", asked.rights)) if value}
    said |= {name: getattr(asked, name) for name in Quota.model_fields if getattr(asked, name)}
    written = io.StringIO()
    YAML().dump({"keys": {asked.name: said}}, written)
    return written.getvalue()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("unsay keys", allow_abbrev=False)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    new = commands.add_parser(
        "new",
        help="make a key",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    new.add_argument("name", type=_name, metavar="NAME", help="how errors, logs and metrics call it")
    new.add_argument("--policy", dest="policies", action="append", metavar="NAME", help="one that it may have (again)")
    new.add_argument("--right", dest="rights", action="append", choices=RIGHTS, help="one that it has (again)")
    for name in Quota.model_fields:
        new.add_argument(f"--{name.replace('_', '-')}", type=count, metavar="N", help="(default: no limit)")
    return parser


def _name(text: str) -> str:
    try:
        return TypeAdapter(Name).validate_python(text)
    except ValidationError:
        raise argparse.ArgumentTypeError(f"expected {NAME_RULE}") from None
