"""The phases of a start, told on the log: which one it is, and how long all of it takes, if it is as the last one.

How long they took is kept for each model beside the converted models, in `starts.json`. Without it, or where it cannot
be written, nothing is foretold.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reporting.progress import duration
from server.telemetry import logs

FILE = "starts.json"

log = logs.logger("server")


class Starting:
    """One start. `now` gives seconds on a clock that never goes back."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._began: float | None = None
        self._file: Path | None = None
        self._model = ""

    def begin(self, cache: Path) -> None:
        """Begin to count, with what is kept in this folder."""
        self._began = self._now()
        self._file = cache / FILE

    def phase(self, what: str, model: str | None = None, **facts: Any) -> None:
        """Tell of a phase that begins, and of what is left of the start once it is known which model it is for."""
        self._model = model or self._model
        last = self._kept().get(self._model)
        if self._began is not None and isinstance(last, int | float):
            facts["left"] = "about " + duration(max(0.0, last - (self._now() - self._began)))
        log.info(what, extra=facts if model is None else {"model": model, **facts})

    def ready(self) -> dict[str, str]:
        """End the start, and keep how long it took; return that, to be told. Nothing if none was begun."""
        if self._began is None:
            return {}
        took = self._now() - self._began
        self._began = None
        self._keep(took)
        return {"after": duration(took)}

    def _kept(self) -> dict[str, Any]:
        try:
            found = json.loads(self._file.read_text(encoding="utf-8")) if self._file else {}
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _keep(self, took: float) -> None:
        if self._file is None:
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_text(json.dumps({**self._kept(), self._model: round(took, 1)}), encoding="utf-8")
        except OSError:
            return


starting = Starting()
"""That of this process: it goes through several hands (server/app.py, and vLLM's, to server/plugin.py)."""
