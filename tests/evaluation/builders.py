"""Settings, generations and samples for tests, each with what matters to the test and mild defaults for the rest."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from evaluation.figures import Sample
from evaluation.records import Generation
from evaluation.settings import Settings


def settings(out: Path, **changes: Any) -> Settings:
    """Settings of a small run."""
    plain = Settings(
        base_url="http://localhost:1/v1",
        model=None,
        prompts=(),
        limit=None,
        n=3,
        per_request=3,
        max_tokens=20,
        temperature=1.0,
        top_p=0.9,
        seed=0,
        modes=("off", "enforce"),
        policy=None,
        out=out,
        concurrency=2,
        timeout_seconds=10.0,
        retries=0,
        api_key=None,
        judge=None,
        judge_key=None,
        perplexity=None,
        device="cpu",
        pairs_out=None,
    )
    return replace(plain, **changes)


def generation(**changes: Any) -> Generation:
    """One sample, clean and unguarded unless told otherwise."""
    plain = Generation(
        set="nontoxic",
        prompt_id="p1",
        sample=0,
        mode="off",
        prompt="The river",
        text=" runs to the sea",
        finish_reason="length",
        report=None,
        first=0,
        seconds=0.5,
        tokens=10,
    )
    return replace(plain, **changes)


def sample(toxicity: float | None = 0.0, loss: tuple[float, int] | None = None, **changes: Any) -> Sample:
    return Sample(generation(**changes), toxicity, loss)


def report(action: str = "clean", **changes: Any) -> dict[str, Any]:
    """What a guarded choice reports."""
    return {"mode": "enforce", "action": action, "rewinds": 0, "spans_flagged": 0, **changes}


def prompts_file(folder: Path, count: int = 4) -> Path:
    """A file of mild prompts, a line each."""
    path = folder / "mild.txt"
    path.write_text("".join(f"On day number {index} we\n" for index in range(count)))
    return path
