"""A whole server that learns: vLLM's application over a scripted engine, judged by the bundled gate, as options say."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from vllm.engine.arg_utils import EngineArgs

from server import app as wiring
from server import composition
from server.configuration import parse
from server.engine import launcher
from server.engine.scripted_client import Script, ScriptedClient
from server.environment import PLUGIN
from server.keys.key import digest
from server.telemetry import logs
from server.telemetry.metrics import Metrics

REVIEWER = "ann"
POLICIES = "{default: site, policies: {site: {keep_text: released, ladder: [ban], max_rewinds: 1}}}"
"""A script repeats itself: more rewinds would only cost time."""


class Announced(Metrics):
    """Counts, and says which versions come into force."""

    def __init__(self) -> None:
        self.versions = asyncio.Queue[tuple[str, str]]()
        self.registry = CollectorRegistry()
        super().__init__(self.registry)

    def learned(self, current: str, candidate: str) -> None:
        super().learned(current, candidate)
        self.versions.put_nowait((current, candidate))

    async def until(self, current: str, candidate: str) -> None:
        """Wait until these versions are in force."""
        while await self.versions.get() != (current, candidate):
            pass


@dataclass
class Site:
    """Its client, what it announces, and the folder in which all is that it keeps."""

    web: httpx.AsyncClient
    metrics: Announced
    folder: Path

    @property
    def database(self) -> str:
        return str(self.folder / "feedback.db")

    @property
    def learned(self) -> Path:
        return self.folder / "learned"

    def audit(self) -> list[dict[str, Any]]:
        """The audit log so far."""
        return [json.loads(line) for line in (self.folder / "audit.jsonl").read_bytes().splitlines()]

    async def post(self, path: str, key: str, **body: Any) -> Any:
        """What a request is answered with, if it is."""
        answer = await self.web.post(path, json=body, headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def say(self, text: str, key: str) -> Any:
        """The answer of a model that writes this text."""
        return await self.post("/v1/completions", key, model="unsay-mini", prompt=text, max_tokens=200)

    def series(self, name: str) -> dict[str, float]:
        """What a metric says that is not 0, by its labels."""
        page = generate_latest(self.metrics.registry).decode()
        found = re.findall(rf"^{name}{{(.*)}} (\S+)$", page, re.MULTILINE)
        return {labels: float(value) for labels, value in found if float(value)}


@asynccontextmanager
async def learning_site(folder: Path, users: Sequence[str]) -> AsyncIterator[Site]:
    """Serve it. `users` give feedback, each with a key of this name."""
    (folder / "learned").mkdir()
    (folder / "policies.yaml").write_text(POLICIES)
    rights = {REVIEWER: ["review", "flagged_text"], **{name: ["feedback"] for name in users}}
    keys = {name: {"hash": digest(name).hex(), "rights": each} for name, each in rights.items()}
    (folder / "keys.yaml").write_text(json.dumps({"keys": keys}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLLM_PLUGINS", PLUGIN)
        patch.setattr(logs, "configure", lambda level, format_: None)  # the test run's logging stays as it is
        args = wiring.engine_arguments(parse(["serve", "mini", *_options(folder)]))
        metrics = Announced()
        guard = wiring.prepare(args.additional_config, metrics)
    engine = ScriptedClient(EngineArgs.from_cli_args(args).create_engine_config(), lambda *_: ())
    engine.script = _echo(engine.end)
    client = guard(engine)
    app = await launcher.application(client, args)
    composition.attach(app, client, args)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as web,
    ):
        yield Site(web, metrics, folder)
    await client.closing.aclose()


def _options(folder: Path) -> list[str]:
    names = {
        "--learned": "learned",
        "--feedback-db": "feedback.db",
        "--audit-out": "audit.jsonl",
        "--policy-file": "policies.yaml",
        "--keys-file": "keys.yaml",
    }
    return [word for option, name in names.items() for word in (option, str(folder / name))]


def _echo(end: int) -> Script:
    """What writes the prompt and ends; where a token of it is barred, it goes on after that."""

    def script(prompt: Sequence[int], drawn: Sequence[int], seed: int | None) -> Sequence[int]:
        return [*prompt[len(drawn) : len(drawn) + 2], end]

    return script
