"""The files of a benchmark: `latest.json` (all figures by key, and what was measured), a table and a plot."""

import json
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

from benchmarks.plan import Settings
from reporting.charts import dots
from reporting.markdown import table

_HEAD = (
    "traffic",
    "plain tokens/s",
    "guarded / plain",
    "first text, plain",
    "guarded",
    "gap p99, plain",
    "guarded",
    "CPU / plain",
    "loop, added a token",
    "held",
    "waste",
    "texts a call",
)

_TOLD = ("runs", "rounds", "tokens", "short_tokens", "long_tokens", "seed", "seeded", "words")
"""The settings that say what was measured."""


def meta(settings: Settings, about: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was measured, on what, and when."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "processor": _cpu_name(),
            "cores": psutil.cpu_count(),
            "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
            "load_before": [round(load, 2) for load in psutil.getloadavg()],
        },
        "versions": {"unsay": _version("unsay"), "python": platform.python_version(), "vllm": about["vllm"]},
        "settings": {name: getattr(settings, name) for name in _TOLD},
        **{key: value for key, value in about.items() if key != "vllm"},
    }


def write(folder: Path, figures: Mapping[str, float], told: Mapping[str, Any]) -> None:
    """Write `latest.json`, `latest.md` and `latest.svg` into the folder."""
    rounded = {key: float(f"{value:.4g}") for key, value in figures.items()}
    _write(folder / "latest.json", json.dumps({**rounded, "meta": told}, indent=2, allow_nan=False) + "\n")
    _write(folder / "latest.md", page(figures, told))
    _write(folder / "latest.svg", plot(figures))


def cell_keys(figures: Mapping[str, float]) -> list[str]:
    """Return the cells that have figures, in their order."""
    return [key.removesuffix(".throughput_ratio") for key in figures if key.endswith(".throughput_ratio")]


def page(figures: Mapping[str, float], told: Mapping[str, Any]) -> str:
    """Return the table, with what it is of."""
    machine = told["machine"]
    about = (
        f"{told['date']}, {machine['processor']}, {machine['cores']} cores, engine on {told['device']}, vLLM "
        f"{told['versions']['vllm']}, model {told['model']}, policy {told['policy']['name']}. Medians of "
        f"{told['settings']['rounds']} pairs of rounds, quartiles in brackets."
    )
    lengths = [
        f"{name.replace('_', ' ')}: {_spread(figures, f'long.{name}')}"
        for name in ("per_token_cost_ratio", "loop_cost_ratio")
        if f"long.{name}" in figures
    ]
    note = f"Long against short answers: {'; '.join(lengths)}.\n\n" if lengths else ""
    return f"{brief(figures)}\n\n{note}{about}\n\n![throughput, guarded / plain](latest.svg)\n"


def brief(figures: Mapping[str, float]) -> str:
    """Return the table alone, a line for each cell."""
    return table(_HEAD, [_row(figures, key) for key in cell_keys(figures)])


def plot(figures: Mapping[str, float]) -> str:
    """Return guarded / plain throughput of all cells, as an image of its own."""
    rows = [(key, [_interval(figures, f"{key}.throughput_ratio")]) for key in cell_keys(figures)]
    return dots("Throughput, guarded / plain", rows).alone() + "\n"


def _interval(figures: Mapping[str, float], key: str) -> dict[str, float | None]:
    return {"value": figures[key], "low": figures[f"{key}_low"], "high": figures[f"{key}_high"]}


def _row(figures: Mapping[str, float], key: str) -> Sequence[str]:
    def shown(name: str, form: str) -> str:
        value = figures.get(f"{key}.{name}")
        return "-" if value is None else form.format(value)

    return (
        _titled(key),
        shown("plain_tokens_per_second", "{:.0f}"),
        _spread(figures, f"{key}.throughput_ratio"),
        shown("plain_first_token_ms", "{:.0f} ms"),
        shown("guarded_first_token_ms", "{:.0f} ms"),
        shown("plain_gap_p99_ms", "{:.0f} ms"),
        shown("guarded_gap_p99_ms", "{:.0f} ms"),
        shown("cpu_ratio", "{:.2f}"),
        shown("added_loop_us_per_token", "{:.0f} µs"),
        shown("guarded_held_ms", "{:.0f} ms"),
        shown("guarded_waste", "{:.1%}"),
        shown("guarded_score_batch_size", "{:.1f}"),
    )


def _titled(key: str) -> str:
    name, _, streams = key.partition(".c")
    return f"{name}, {streams} streams" if streams else name


def _spread(figures: Mapping[str, float], key: str) -> str:
    return f"{figures[key]:.2f} ({figures[f'{key}_low']:.2f} to {figures[f'{key}_high']:.2f})"


def _cpu_name() -> str:
    """Return the processor's name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
