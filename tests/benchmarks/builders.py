"""What the tests of the benchmark are made of."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.plan import Settings
from benchmarks.wire import Answer

SETTINGS = Settings(
    model=None,
    runs=("clean", "noop"),
    streams=(1, 8, 32),
    rounds=2,
    requests=None,
    tokens=128,
    short_tokens=100,
    long_tokens=2000,
    rate=None,
    seed=0,
    seeded=True,
    timeout_seconds=10.0,
    start_seconds=10.0,
    out=Path("out"),
    words=(),
)
ABOUT: dict[str, Any] = {"vllm": "0.32.0", "device": "cpu", "model": "mini", "policy": {"name": "default"}}


def settings(**changed: Any) -> Settings:
    return replace(SETTINGS, **changed)


def answer(*texts: float, asked: float = 0.0, ended: float | None = None, tokens: int = 4) -> Answer:
    """One that was asked for at `asked` and had text at the times `texts`."""
    return Answer(asked, texts[-1] if ended is None else ended, texts, tokens, "length")


def figures(tokens_per_second: float = 100.0, **others: float) -> dict[str, float]:
    """Those of a round."""
    usual = {"first_token_ms": 10.0, "answer_ms": 50.0, "gap_p50_ms": 5.0, "gap_p99_ms": 8.0}
    cpu = {"cpu_seconds_per_1000_tokens": 2.0, "loop_us_per_token": 300.0}
    return {"tokens_per_second": tokens_per_second, **usual, **cpu, **others}
