"""What a run was asked to do, and the file that binds a folder to it.

`run.json` holds everything that decides what is generated. A run into a folder that another one began must agree with
it, or its figures would mix two things. What only changes how fast it goes, or what is done with the generations
afterwards (judge, perplexity, pairs), may change.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation.errors import EvaluationError
from reporting.files import write_whole

PLAIN = "plain"
MODES = ("enforce", "monitor", "off", PLAIN)
RUN_FILE = "run.json"
_SCORES_DIFFER = 0.02
"""More than the rest of the batch changes in a text's scores."""


_DECIDING = (
    "base_url",
    "model",
    "limit",
    "n",
    "per_request",
    "max_tokens",
    "temperature",
    "top_p",
    "seed",
    "modes",
    "policy",
)


@dataclass(frozen=True)
class Settings:
    """The options of `unsay eval` by their names, checked. `per_request` is at most `n`."""

    base_url: str
    model: str | None
    prompts: Sequence[Path]
    limit: int | None
    n: int
    per_request: int
    max_tokens: int
    temperature: float
    top_p: float
    seed: int
    modes: tuple[str, ...]
    policy: str | None
    out: Path
    concurrency: int
    timeout_seconds: float
    retries: int
    api_key: str | None
    judge: str | None
    judge_key: str | None
    perplexity: str | None
    device: str
    pairs_out: Path | None

    @property
    def deciding(self) -> dict[str, Any]:
        """What decides the generations, by the names of the options. The model is the server's if none was given."""
        given = {name.replace("_", "-"): getattr(self, name) for name in _DECIDING}
        return {**given, "modes": list(self.modes)}


@dataclass(frozen=True)
class Run:
    """A run as `run.json` keeps it.

    `prompts` is the digest of all chosen prompts. `server` has `model`, `policies` (None: not unsay's) and `gate`, what
    the server's scorer said of the probe texts (None: it does not tell).
    """

    settings: Mapping[str, Any]
    prompts: str
    server: Mapping[str, Any]
    started: str

    def as_json(self) -> dict[str, Any]:
        """Return the JSON object of run.json."""
        return {"settings": self.settings, "prompts": self.prompts, "server": self.server, "started": self.started}


def read_run(folder: Path) -> Run | None:
    """Return the run that this folder holds, None if it holds none. EvaluationError if it holds something else."""
    path = folder / RUN_FILE
    if not path.exists():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Run(found["settings"], found["prompts"], found["server"], found["started"])
    except (OSError, ValueError, LookupError, TypeError):
        raise EvaluationError(f"--out: {path} is not a run's file; choose another folder") from None


def write_run(folder: Path, run: Run) -> None:
    """Write it, in one piece."""
    write_whole(folder / RUN_FILE, json.dumps(run.as_json(), indent=2) + "\n")


def check_same_settings(folder: Path, run: Run, settings: Settings, prompts: str) -> None:
    """Raise EvaluationError naming the first option that differs from the run in this folder."""
    for key, now in settings.deciding.items():
        before = run.settings.get(key)
        if now != before:
            raise EvaluationError(_differs(folder, f"--{key}", f"was {_shown(before)}, now {_shown(now)}"))
    if run.prompts != prompts:
        raise EvaluationError(_differs(folder, "--prompts", "gives other prompts"))


def check_same_server(folder: Path, run: Run, server: Mapping[str, Any]) -> None:
    """Raise EvaluationError if the server is not what it was: another model, other policies, another gate."""
    for key in ("model", "policies"):
        if run.server.get(key) != server[key]:
            raise EvaluationError(_differs(folder, "--base-url", f"the server's {key} changed"))
    before, now = run.server.get("gate"), server["gate"]
    if (before is None) != (now is None) or (before and now and largest_difference(before, now) > _SCORES_DIFFER):
        raise EvaluationError(_differs(folder, "--base-url", "the server's scorer changed"))


def largest_difference(before: list[Mapping[str, float]], now: list[Mapping[str, float]]) -> float:
    """Return the largest difference between two scores of the same text; 1 if the categories differ."""
    if [set(scores) for scores in before] != [set(scores) for scores in now]:
        return 1.0
    pairs = zip(before, now, strict=True)
    return max((abs(old[category] - new[category]) for old, new in pairs for category in old), default=0.0)


def _differs(folder: Path, key: str, how: str) -> str:
    return f"{key}: {how} in {folder / RUN_FILE}; use the settings of that run to go on with it, or another --out"


def _shown(value: object) -> str:
    return "not given" if value is None else ",".join(map(str, value)) if isinstance(value, list) else str(value)
