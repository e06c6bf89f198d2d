"""Which version of what was learned is in force: one small file, replaced whole (versions.py)."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from filters.scorer import ScorerLoadError
from reporting.files import write_whole

STATE = "state.json"


@dataclass(frozen=True, slots=True)
class State:
    """Names of versions, None for none: `current` judges, `before` did so before it, `candidate` runs in its shadow.

    `share` is the part of the traffic that the candidate sees, 0 to 1.
    """

    current: str | None = None
    before: str | None = None
    candidate: str | None = None
    share: float = 0.0


def read_state(folder: Path) -> State:
    """Return what is in force; nothing where nothing was learned yet."""
    path = folder / STATE
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        state = State(**said)
        names = (state.current, state.before, state.candidate)
        if not all(isinstance(name, str | None) for name in names) or not 0 <= float(state.share) <= 1:
            raise ValueError
    except FileNotFoundError:
        return State()
    except (OSError, TypeError, ValueError) as error:
        expected = "expected current, before, candidate (names of versions or null) and share (0 to 1)"
        raise ScorerLoadError(str(path), f"{expected} ({type(error).__name__})") from None
    return state


def write_state(folder: Path, state: State) -> None:
    """Put another state in force, at once and whole: servers that run with this folder see it within seconds."""
    write_whole(folder / STATE, json.dumps(asdict(state), indent=2) + "\n")
