"""A probe of the served model (docs/probe.md): where it comes from, and whether it is one of this model and this gate.

1. A probe is a folder that `unsay fit-probe` has written: weights in safetensors, a card in JSON, and checksums.
   Nothing of it is ever unpickled.
2. It is for one model, told by its files, and for one gate, told by its checkpoint: of any other it knows nothing.
3. One that the operator names has to fit. The bundled one is used where it does.
"""

import hashlib
import json
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from filters.scorer import Scorer, ScorerLoadError
from filters.scorers.checkpoint import SUMS, find_checkpoint, sha256, verify_sums
from filters.scorers.screen import read_calibration
from server.configuration import Settings
from server.errors import FileError, StartError
from server.generation.probe import Probe
from server.guard.ladder import RUNGS
from server.policy.catalog import Catalog

WEIGHTS, CARD = "probe.safetensors", "probe.json"
REFIT = "fit one with `unsay fit-probe`, or say --probe none"
_BLOCKS, _BLOCK_BYTES = 64, 4096
_DETOXIFY = "detoxify:"

log = logging.getLogger("unsay.server")


@dataclass(frozen=True, slots=True)
class Named:
    """A probe in a folder, and what it is for: fingerprints of a model, and the sha256 of a gate's checkpoint."""

    probe: Probe
    model: str
    gate: str


def load(folder: Path) -> Named:
    """Return the probe in a folder. StartError unless its checksums agree and it has what a probe has."""
    try:
        verify_sums(folder / WEIGHTS, required=True)
        verify_sums(folder / CARD, required=True)
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        calibration = read_calibration(card)
        biases = np.array(card["biases"], np.float32)
        if biases.shape != (len(calibration.categories) + 2,):
            raise ValueError("expected a bias for the highest score, one for each category, and one for the forecast")
        probe = Probe(folder.resolve(), calibration, biases, float(card["alarm"]))
        return Named(probe, str(card["model_fingerprint"]), str(card["classifier_sha256"]))
    except ScorerLoadError as error:
        raise StartError(f"probe {folder}: {error.expected}; {REFIT}") from None
    except (OSError, KeyError, TypeError, ValueError) as error:
        expected = f"expected {WEIGHTS}, {CARD} and {SUMS} of a probe ({type(error).__name__})"
        raise StartError(f"probe {folder}: {expected}; {REFIT}") from error


def fingerprint(folder: Path) -> str:
    """Return a digest of a model by its files: its configuration, and of each file of weights a sample.

    Weights that were trained further differ nearly everywhere, so a fraction of a second tells them apart.
    """
    digest = hashlib.sha256((folder / "config.json").read_bytes())
    for path in sorted(folder.glob("*.safetensors")) or sorted(folder.glob("*.bin")):
        size = path.stat().st_size
        digest.update(f"{path.name}/{size}".encode())
        with path.open("rb") as file:
            for block in range(_BLOCKS):
                file.seek(max(0, size - _BLOCK_BYTES) * block // (_BLOCKS - 1))
                digest.update(file.read(_BLOCK_BYTES))
    return digest.hexdigest()


def find(settings: Settings, model: str | None, scorer: Scorer) -> Probe | None:
    """Return the probe for a model (a folder, or a name on a hub) and a loaded scorer; None without one.

    StartError if the operator has named one that cannot be used.
    """
    if settings.probe is None:
        return None
    is_named = "probe" in settings.model_fields_set
    try:
        found = load(settings.probe)
        misfit = _misfit(found, settings, model, scorer)
    except StartError:
        if is_named:
            raise
        return None
    if misfit is None:
        return replace(found.probe, is_named=is_named)
    if is_named:
        raise StartError(f"probe {settings.probe}: {misfit}; {REFIT}")
    log.debug("no probe", extra={"reason": misfit})
    return None


def _misfit(found: Named, settings: Settings, model: str | None, scorer: Scorer) -> str | None:
    """Return why a probe says nothing of this model and this gate; None if it does."""
    if model is None:
        return "it looks into an engine, and tokens are drawn elsewhere"
    folder = _folder(model)
    if folder is None or fingerprint(folder) != found.model:
        return f"was fitted to another model than {model}"
    if _checkpoint(settings.scorer) != found.gate or set(scorer.categories) != set(found.probe.categories):
        return f"was fitted to what another gate says than {settings.scorer}"
    return None


def _folder(model: str) -> Path | None:
    """Return where a model's files lie."""
    path = Path(model)
    if not path.is_dir():
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError

        try:
            path = Path(snapshot_download(model, local_files_only=True))
        except (HfHubHTTPError, OSError, ValueError):
            return None
    return path if (path / "config.json").is_file() else None


def _checkpoint(scorer: str) -> str | None:
    """Return the sha256 of the gate's checkpoint; None for a gate that has none."""
    return sha256(find_checkpoint(scorer.removeprefix(_DETOXIFY))) if scorer.startswith(_DETOXIFY) else None


def check_rungs(catalog: Catalog, probe: Probe | None) -> Catalog:
    """Return the catalog. FileError if a policy has a rung that turns, and there is no probe to turn by."""
    turning = {rung for rung, meaning in RUNGS.items() if meaning.turns}
    for name, policy in catalog.policies.items():
        if probe is None and (found := turning & set(policy.ladder)):
            problem = f"'{min(found)}' needs a probe of the served model (--probe), and there is none; leave it out"
            raise FileError(catalog.source, ("policies", name, "ladder"), problem)
    return catalog


async def look(client: Any, probe: Probe) -> None:
    """Have the engine behind a client look with the probe. StartError if its states are of another width."""
    from server.engine.core import arming

    if not await arming.look(client, str(probe.folder)):
        raise StartError(f"probe {probe.folder}: is for states of another width than the model's; {REFIT}")
    log.info("looking at the model's own states", extra={"probe": probe.folder.name})


def usable(probe: Probe | None, *, exact: bool) -> Probe | None:
    """Return the probe, if the engine is one of ours within (`exact`). StartError if not, and it was asked for."""
    if probe is None or exact:
        return probe
    if probe.is_named:
        reason = "this engine is rewound by resubmission (the log says why) and cannot be looked into"
        raise StartError(f"probe {probe.folder}: {reason}; say --probe none")
    return None
