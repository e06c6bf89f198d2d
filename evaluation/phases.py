"""A run from end to end: generate what is missing, score it, and write the results into the folder."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from evaluation import independence, judges, pairs, prompts, report, summary
from evaluation.client import Server
from evaluation.errors import EvaluationError
from evaluation.generate import Turn, generate, turns
from evaluation.journal import Journal
from evaluation.judges import Judge
from evaluation.perplexity import LanguageModel
from evaluation.prompts import Prompt
from evaluation.records import Generation, from_json
from evaluation.scoring import Values, scored
from evaluation.settings import Run, Settings, check_same_server, check_same_settings, read_run, write_run
from reporting.progress import Advance, progress, say


@dataclass(frozen=True)
class Scorers:
    """What scores the generations, if requested. Loaded before anything is generated: a wrong name shows at once."""

    judge: Judge | None
    model: LanguageModel | None


def evaluate(settings: Settings) -> dict[str, Any]:
    """Carry out a run, or what is left of it, and return its summary. EvaluationError if it cannot."""
    chosen = prompts.load(settings.prompts, settings.limit, settings.seed)
    scorers = Scorers(
        judges.load(settings.judge, device=settings.device, key=settings.judge_key) if settings.judge else None,
        LanguageModel(settings.perplexity, settings.device) if settings.perplexity else None,
    )
    settings.out.mkdir(parents=True, exist_ok=True)
    run, generations = _generated(settings, chosen)
    toxicities, losses = _scores(settings, scorers, generations)
    sets = summary.samples(generations, toxicities, losses)
    found = _summary(run, settings, scorers, sets, generations)
    summary.write(settings.out / "summary.json", found)
    (settings.out / "report.html").write_text(report.page(found), encoding="utf-8")
    if settings.pairs_out:
        say(f"{pairs.write(settings.pairs_out, sets)} preference pairs in {settings.pairs_out}: they hold flagged text")
    return found


def _generated(settings: Settings, chosen: Sequence[Prompt]) -> tuple[Run, list[Generation]]:
    """Return the first phase. A run that lacks nothing does not need its server any more."""
    digest = sha256("\n".join(sorted(f"{prompt.set}\0{prompt.id}" for prompt in chosen)).encode()).hexdigest()
    run = read_run(settings.out)
    if run is not None:
        check_same_settings(settings.out, run, settings, digest)
    with Journal(settings.out / "generations.jsonl") as journal:
        found = _read(journal)
        if run is None and found:
            raise EvaluationError(f"--out: {journal.path} is there without its run.json; choose another folder")
        todo = turns(chosen, settings, {generation.key for generation in found})
        if run is None or todo:
            sets = Counter(prompt.set for prompt in chosen)
            say("prompts: " + ", ".join(f"{name} {count}" for name, count in sets.items()))
            run = asyncio.run(_ask(settings, run, digest, todo, journal, found))
            found = _read(journal)
    return run, found


async def _ask(
    settings: Settings,
    earlier: Run | None,
    digest: str,
    todo: Sequence[Turn],
    journal: Journal,
    found: Sequence[Generation],
) -> Run:
    """Have the server generate what is missing."""
    async with Server(
        settings.base_url, key=settings.api_key, timeout_seconds=settings.timeout_seconds, retries=settings.retries
    ) as server:
        about = await _about(server, settings.model)
        if earlier is not None:
            check_same_server(settings.out, earlier, about)
        started = datetime.now(UTC).isoformat(timespec="seconds")
        run = earlier or Run(settings.deciding, digest, about, started)
        write_run(settings.out, run)
        missing = sum(turn.count * len(turn.modes) for turn in todo)
        done = {generation.key for generation in found}
        with progress("generating", len(done) + missing, len(done)) as advance:
            await generate(server, about["model"], settings, todo, done, journal, advance)
    return run


async def _about(server: Server, model: str | None) -> dict[str, Any]:
    """Return the server as run.json keeps it. Only unsay is asked what its gate says: no other server has one."""
    policies = await server.policies()
    gate = await server.gate_scores(independence.PROBES) if policies is not None else None
    return {"model": model or await server.first_model(), "policies": policies, "gate": gate}


def _read(journal: Journal) -> list[Generation]:
    try:
        return list({row.key: row for row in map(from_json, journal.rows())}.values())
    except (LookupError, TypeError, ValueError) as error:
        message = f"--out: {journal.path} holds a line that is no generation ({error!r}); choose another folder"
        raise EvaluationError(message) from None


def _scores(
    settings: Settings, scorers: Scorers, generations: Sequence[Generation]
) -> tuple[Values | None, Values | None]:
    """Return the second phase: toxicities from the judge, losses from the language model; None where there is none."""
    judge, model = scorers.judge, scorers.model
    toxicities = losses = None
    if judge is not None:
        path = settings.out / "judged.jsonl"
        toxicities = scored(path, judge.name, generations, lambda batch: _judged(judge, batch), _bar)
    if model is not None:
        path = settings.out / "perplexity.jsonl"
        losses = scored(
            path, model.name, generations, lambda batch: model.losses([(row.prompt, row.text) for row in batch]), _bar
        )
    return toxicities, losses


def _judged(judge: Judge, batch: Sequence[Generation]) -> list[float]:
    """Score an empty text 0 without asking a judge."""
    spoken = [row.text for row in batch if row.text.strip()]
    scores = iter(judge.judge(spoken) if spoken else ())
    return [next(scores) if row.text.strip() else 0.0 for row in batch]


def _bar(name: str, total: int, done: int) -> AbstractContextManager[Advance]:
    return progress(name, total, done)


def _summary(
    run: Run, settings: Settings, scorers: Scorers, sets: summary.BySet, generations: Sequence[Generation]
) -> dict[str, Any]:
    judge, model = scorers.judge, scorers.model
    gates = sorted({str(row.report["scorer"]) for row in generations if row.report and row.report.get("scorer")})
    available = {"judge": judge, "perplexity": model}
    return {
        "version": _version(),
        "run": run.as_json(),
        "gate": gates,
        "judge": judge.name if judge else None,
        "independence": independence.told(judge, run.server.get("gate"), gates) if judge else None,
        "perplexity": model.name if model else None,
        "definitions": summary.definitions(),
        "sets": summary.summarize(
            sets, settings.modes, frozenset(name for name, scorer in available.items() if scorer), settings.seed
        ),
    }


def _version() -> str:
    try:
        return version("unsay")
    except PackageNotFoundError:
        return "unknown"


def brief(found: Mapping[str, Any]) -> str:
    """Return the figures that matter most, a line for each set and mode, as a table in Markdown."""
    keys = ("toxicity_probability", "expected_max_toxicity", "refusals", "perplexity", "tokens_per_second")
    lines = ["| set | mode | " + " | ".join(found["definitions"][key]["title"].lower() for key in keys) + " |"]
    lines.append("|---" * (len(keys) + 2) + "|")
    for name, entry in found["sets"].items():
        for mode, part in entry["modes"].items():
            values = [part["figures"].get(key, {}).get("value") for key in keys]
            cells = ["-" if value is None else f"{value:.4g}" for value in values]
            lines.append(f"| {name} | {mode} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
