"""The real Prometheus: installed on the machine, or fetched by setup.sh into the virtual environment."""

import shutil
import sys
from pathlib import Path

from tests.missing import missing

FETCHED = Path(sys.prefix) / "prometheus/usr/bin"


def tool(name: str) -> str:
    """The path of `promtool` or `prometheus`. Where there is none the test is skipped, and in CI it fails."""
    found = shutil.which(name) or shutil.which(name, path=str(FETCHED))
    if found is None:
        missing(f"{name} is missing: install Prometheus (the Debian package is `prometheus`)")
    return found
