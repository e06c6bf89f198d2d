"""Detoxify's checkpoints: found, verified and looked into before anything in them is run.

detoxify unpickles a checkpoint in full, which runs whatever code is in it. So, in this order:
1. a checkpoint known by name has the sha256 that detoxify gives in its file name, also when it comes from the cache;
2. a `SHA256SUMS` beside a checkpoint must agree with every file that it lists, and list the checkpoint;
3. torch's restricted unpickler, which runs no code, must be able to read it, and it must have detoxify's structure.
What fails is a ScorerLoadError.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from filters.scorer import ScorerLoadError

SUMS = "SHA256SUMS"
CARD = "README.md"
DETOXIFYS_LANGUAGES = {"multilingual": frozenset({"en", "fr", "es", "it", "pt", "tr", "ru"})}
"""What detoxify's own models were trained on, as its README says; all others on English alone."""
_STRUCTURE = (
    "expected a detoxify checkpoint with config.dataset.args.classes, "
    "config.arch.args.{model_type,model_name,tokenizer_name,num_classes} and state_dict"
)


def find_checkpoint(name_or_path: str) -> Path:
    """Return the checkpoint file of a model that detoxify knows by name (downloaded if need be), a file, or a folder.

    ScorerLoadError if there is none, if a folder holds several, or if its bytes are not the expected ones.
    """
    path = Path(name_or_path)
    if path.is_dir():
        path = _only_checkpoint(path)
    elif not path.is_file():
        return _named_checkpoint(name_or_path)
    verify_sums(path)
    return path


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Return the contents of a checkpoint, read without running code in it. ScorerLoadError unless it is detoxify's."""
    import torch

    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # The message of torch tells how to switch the safety off: not repeated.
        expected = f"expected tensors, text, numbers and lists only ({type(error).__name__})"
        raise ScorerLoadError(str(path), expected) from error
    if not _is_detoxify(loaded):
        raise ScorerLoadError(str(path), _STRUCTURE)
    return dict(loaded)


def languages_read(name_or_path: str, folder: Path) -> frozenset[str] | None:
    """Return the ISO 639-1 codes of what a checkpoint reads, by the `language` of the model card beside it.

    Those known by name have detoxify's. None for one of your own without a card that says so. ScorerLoadError for a
    card whose head cannot be read.
    """
    if not Path(name_or_path).exists():
        return DETOXIFYS_LANGUAGES.get(name_or_path, frozenset({"en"}))
    said = _card(folder / CARD).get("language")
    codes = [said] if isinstance(said, str) else said
    if codes is None or not isinstance(codes, list) or not codes:
        return None
    return frozenset(str(code).lower() for code in codes)


def _card(path: Path) -> Mapping[str, Any]:
    """Return what a model card says at its head; nothing if there is none."""
    from huggingface_hub import metadata_load

    try:
        return metadata_load(path) or {} if path.is_file() else {}
    except Exception as error:
        raise ScorerLoadError(str(path), f"expected a card with YAML at its head ({type(error).__name__})") from error


@contextmanager
def loadable(path: Path, contents: dict[str, Any]) -> Iterator[tuple[Path, str | None]]:
    """Provide the checkpoint for detoxify, and the folder of its config and tokenizer (None: they come from the hub).

    detoxify also looks up `model_type`, even with the config at hand. One that names a folder works only where that
    folder is; so with the config beside the checkpoint and no such folder here, a private copy is made that names the
    checkpoint's own folder, and deleted afterwards.
    """
    folder = path.resolve().parent
    if not (folder / "config.json").is_file():
        yield path, None
    elif Path(contents["config"]["arch"]["args"]["model_type"]).is_dir():
        yield path, str(folder)
    else:
        with TemporaryDirectory(prefix="unsay-") as private:
            yield _copy_with_model_type(contents, str(folder), Path(private) / path.name), str(folder)


def _copy_with_model_type(contents: dict[str, Any], model_type: str, target: Path) -> Path:
    import torch

    config = contents["config"]
    args = {**config["arch"]["args"], "model_type": model_type}
    torch.save({**contents, "config": {**config, "arch": {**config["arch"], "args": args}}}, target)
    return target


def _only_checkpoint(folder: Path) -> Path:
    found = sorted(folder.glob("*.ckpt"))
    if len(found) != 1:
        raise ScorerLoadError(str(folder), f"expected exactly one *.ckpt in this folder, found {len(found)}")
    return found[0]


def _named_checkpoint(name: str) -> Path:
    """Return the verified checkpoint of one of detoxify's own models, in torch.hub's folder."""
    import torch
    from detoxify.detoxify import MODEL_URLS

    if name not in MODEL_URLS:
        known = ", ".join(sorted(MODEL_URLS))
        raise ScorerLoadError(name, f"expected a checkpoint file, a folder that holds one, or one of {known}")
    url: str = MODEL_URLS[name]
    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[1]
    prefix = _sha256_prefix(path.name)
    if not path.is_file():
        _download(name, url, path, prefix)
    if not sha256(path).startswith(prefix):
        raise ScorerLoadError(str(path), f"expected sha256 {prefix}...; delete the file to have it downloaded again")
    return path


def _download(name: str, url: str, path: Path, prefix: str) -> None:
    import torch

    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        torch.hub.download_url_to_file(url, str(path), hash_prefix=prefix, progress=False)
    except (OSError, RuntimeError) as error:
        raise ScorerLoadError(name, f"expected to download {url}: {error}") from error


def _sha256_prefix(file_name: str) -> str:
    """Return the start of the sha256 in a name like `toxic_original-c1212f89.ckpt` (torch.hub's convention)."""
    match = re.search(r"-([0-9a-f]{8,})\.ckpt$", file_name)
    if match is None:
        raise ScorerLoadError(file_name, "expected a file name that ends in -SHA256PREFIX.ckpt")
    return match[1]


def sha256(path: Path) -> str:
    """Return the sha256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_sums(folder: Path, names: Iterable[str]) -> None:
    """Write SHA256SUMS over these files of a folder, in this order."""
    lines = (f"{sha256(folder / name)}  {name}\n" for name in names)
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")


def verify_sums(checkpoint: Path, *, required: bool = False) -> None:
    """Compare every file named in the SHA256SUMS beside the checkpoint, if there is one; it must be, if `required`."""
    sums = checkpoint.parent / SUMS
    if not sums.is_file():
        if required:
            raise ScorerLoadError(str(sums), f"expected this file, with a line for {checkpoint.name}")
        return
    listed = dict(_parse_sum(sums, line) for line in sums.read_text(errors="replace").splitlines() if line.strip())
    if checkpoint.name not in listed:
        raise ScorerLoadError(str(sums), f"expected a line for {checkpoint.name}")
    for name, digest in listed.items():
        file = checkpoint.parent / name
        if not file.is_file() or sha256(file) != digest:
            raise ScorerLoadError(str(file), f"expected a file with sha256 {digest}, as {SUMS} says")


def _parse_sum(sums: Path, line: str) -> tuple[str, str]:
    """Return file name and digest of a line of sha256sum's. Only names of files in the same folder are allowed."""
    match = re.fullmatch(r"([0-9a-f]{64}) [ *]([^/\\]+)", line)
    if match is None:
        raise ScorerLoadError(str(sums), "expected lines of SHA256, two spaces and a file name")
    return match[2], match[1]


def _is_detoxify(loaded: object) -> bool:
    """Return whether the contents have the structure that detoxify reads, with types it can use."""
    classes = _at(loaded, "config", "dataset", "args", "classes")
    args = _at(loaded, "config", "arch", "args")
    if not isinstance(classes, list) or not isinstance(args, Mapping):
        return False
    names = [args.get(key) for key in ("model_type", "model_name", "tokenizer_name")]
    return (
        set(args) == {"model_type", "model_name", "tokenizer_name", "num_classes"}
        and all(isinstance(name, str) and name for name in [*names, *classes])
        # Taken from transformers by name: nothing but a classifier and a tokenizer may be.
        and re.fullmatch(r"\w+ForSequenceClassification", str(args["model_name"])) is not None
        and re.fullmatch(r"\w+Tokenizer(Fast)?", str(args["tokenizer_name"])) is not None
        and isinstance(args["num_classes"], int)
        and 0 < len(classes) <= args["num_classes"]
        and _is_state_dict(_at(loaded, "state_dict"))
    )


def _is_state_dict(value: object) -> bool:
    import torch

    return (
        isinstance(value, Mapping)
        and len(value) > 0
        and all(isinstance(key, str) and isinstance(tensor, torch.Tensor) for key, tensor in value.items())
    )


def _at(value: object, *keys: str) -> object:
    """Return what lies under the keys of nested mappings, None if there is nothing."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
