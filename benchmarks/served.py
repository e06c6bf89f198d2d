"""`unsay serve` on given weights, for the time of a measurement."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.process import HOST, reserved_port, running

START_SECONDS = 300.0


@contextmanager
def serving(
    language_model: Path, classifier: Path, seconds: float = START_SECONDS, words: Sequence[str] = ()
) -> Iterator[str]:
    """Provide the server's base URL once it is ready, and stop it at the end. ServerFailed if it is not ready in time.

    `words` are further words of its command line. Its requests may switch the guard off, so it listens to this machine
    alone: nobody else may reach it.
    """
    asked = ["serve", str(language_model.resolve()), "--detoxify", str(classifier), "--allow-loosen", *words]
    with reserved_port() as port:
        asked += ["--host", HOST, "--port", str(port)]
        with running([sys.executable, "-m", "server", *asked], f"http://{HOST}:{port}/ready", seconds):
            yield f"http://{HOST}:{port}/v1"
