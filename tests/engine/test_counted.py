"""What is counted is what happened: of streams as of whole answers, of every choice, and of answers nobody reads on."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from vllm.engine.arg_utils import EngineArgs

from filters.scorers.scripted import ScriptedScorer
from server import app as wiring
from server import composition
from server.configuration import parse
from server.engine.core import arming
from server.engine.scripted_client import ScriptedClient
from server.policy.catalog import builtin
from server.telemetry.metrics import Metrics
from tests.generation.stage import until
from tests.live.reading import read_until, scope

FLAGGED, INSTEAD = " river", " garden"


@dataclass
class Served:
    """A server that writes a flagged word now and then, what it has counted, and where each token was drawn."""

    app: FastAPI
    engine: ScriptedClient
    registry: CollectorRegistry
    drawn: list[int]

    def counted(self, name: str, **labels: str) -> float:
        """The sum of the series of this name with these labels."""
        samples = (sample for family in self.registry.collect() for sample in family.samples if sample.name == name)
        return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())

    async def ask(self, **body: Any) -> dict[str, Any]:
        """The last thing with a usage that an answer says."""
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as web:
            answer = await web.post("/v1/completions", json={"model": "unsay-mini", "prompt": "The town", **body})
        assert answer.status_code == 200, answer.text
        said = [line.removeprefix("data: ") for line in answer.text.split("\n") if line and "[DONE]" not in line]
        return dict(next(found for found in map(json.loads, reversed(said)) if found.get("usage")))


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    start, registry = parse(["serve", "mini", "--screen", "none"]), CollectorRegistry()
    args, metrics = wiring.engine_arguments(start), Metrics(registry)
    config = EngineArgs.from_cli_args(args).create_engine_config()
    arming.arm(config)
    engine = ScriptedClient(config, lambda *_: (0,))
    encode = engine.renderer.tokenizer.encode
    town, flagged, instead = (encode(word, add_special_tokens=False)[0] for word in (" town", FLAGGED, INSTEAD))
    drawn = list[int]()

    def script(prompt: Sequence[int], before: Sequence[int], seed: int | None) -> Sequence[int]:
        drawn.append(len(before))
        return (flagged, instead) if len(before) % 16 == 7 else (town, instead)

    engine.script = script
    async with wiring.judging(ScriptedScorer({FLAGGED.strip(): 0.9}), start.settings, metrics) as judge:
        app = await composition.guarded_application(engine, args, judge, builtin(), metrics)
        yield Served(app, engine, registry, drawn)


@pytest.mark.parametrize("choices", [1, 3])
@pytest.mark.parametrize("stream", [False, True])
async def test_every_choice_and_token_is_counted_once(served: Served, choices: int, stream: bool) -> None:
    more = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    answer = await served.ask(n=choices, max_tokens=20, ignore_eos=True, **more)
    await until(lambda: served.counted("unsay_requests_total") == 1)
    assert served.counted("unsay_answers_total") == served.counted("unsay_answers_total", verdict="flagged") == choices
    assert served.counted("unsay_tokens_total", fate="released") == answer["usage"]["completion_tokens"] == 20 * choices
    assert served.counted("unsay_first_text_held_seconds_count") == choices
    judged = served.counted("unsay_spans_total")
    assert judged == served.counted("unsay_guardrail_latency_seconds_count", phase="output")
    assert judged == served.counted("unsay_language_spans_total")
    assert served.counted("unsay_rewinds_total", outcome="cleared") == choices


async def test_an_answer_that_nobody_reads_on_counts_as_far_as_it_came(served: Served) -> None:
    body = {"model": "unsay-mini", "prompt": "The town", "max_tokens": 900, "ignore_eos": True, "stream": True}
    sent: list[Any] = []
    await read_until(served.app, scope("/v1/completions"), body, sent, lambda: b"town" in sent[-1].get("body", b""))
    await until(lambda: served.engine.running == 0 and served.counted("unsay_answers_total") == 1)
    released, dropped = (served.counted("unsay_tokens_total", fate=fate) for fate in ("released", "discarded"))
    assert 0 < released < released + dropped <= len(served.drawn)
    assert served.counted("unsay_answers_total", language="unknown") == 1
    assert served.counted("unsay_spans_total") == served.counted("unsay_language_spans_total") > 0
