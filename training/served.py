"""A server of one's own for as long as something is measured: `unsay serve` on the weights that are reported on."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from openai import AsyncOpenAI

from benchmarks.process import HOST, reserved_port, running

START_SECONDS = 300.0
UNGUARDED = {"detox": {"mode": "off"}}
"""In the body of a request: what the model writes by itself."""


@contextmanager
def serving(
    language_model: Path, classifier: Path, seconds: float = START_SECONDS, words: Sequence[str] = ()
) -> Iterator[str]:
    """The server's base URL, once it is ready; at the end it is stopped. ServerFailed if it is not ready in time.

    `words` are further words of its command line. Its requests may switch the guard off: nobody else is to reach it, so
    it listens to this machine alone.
    """
    asked = ["serve", str(language_model.resolve()), "--detoxify", str(classifier), "--allow-loosen", *words]
    with reserved_port() as port:
        asked += ["--host", HOST, "--port", str(port)]
        with running([sys.executable, "-m", "server", *asked], f"http://{HOST}:{port}/ready", seconds):
            yield f"http://{HOST}:{port}/v1"


async def continued(client: AsyncOpenAI, model: str, prompt: str, **sampling: Any) -> list[str]:
    """The unguarded texts behind a prompt, one for each choice; `sampling` are further parameters. openai.APIError."""
    answer = await client.completions.create(model=model, prompt=prompt, extra_body=UNGUARDED, **sampling)
    return [choice.text for choice in answer.choices]
