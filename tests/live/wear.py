"""What a server takes of the machine while it serves: sampled now and then, and whether it takes more and more."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from statistics import linear_regression

import psutil

from reporting.markdown import table

MEGABYTE = 1024 * 1024
MOST_GROWTH = {"server_mb": 120.0, "engine_mb": 60.0, "descriptors": 60.0, "tasks": 60.0}
"""In an hour, by the slope of the second half. What fills up once (caches, allocators) does so in the first."""
HOUR_SECONDS = 3600.0
SAMPLES_FOR_A_SLOPE = 6
"""With fewer there is none to speak of."""


@dataclass(frozen=True)
class Sample:
    """At one moment; memory is what is resident."""

    seconds: float
    requests: int
    server_mb: float
    engine_mb: float
    descriptors: int
    tasks: int
    running: int
    blocks: float
    """The part of the cache that requests hold."""


def sampled(seconds: float, requests: int, tasks: int, running: int, blocks: float) -> Sample:
    """What this process and those below it take now."""
    own = psutil.Process()
    below = sum(each.memory_info().rss for each in own.children(recursive=True))
    memory = own.memory_info().rss / MEGABYTE
    return Sample(seconds, requests, memory, below / MEGABYTE, own.num_fds(), tasks, running, blocks)


def grown(samples: Sequence[Sample]) -> dict[str, float]:
    """How much more of each would be taken in an hour, at the slope of the second half; empty with too few samples."""
    half = samples[len(samples) // 2 :]
    if len(half) < SAMPLES_FOR_A_SLOPE // 2:
        return {}
    times = [sample.seconds for sample in half]
    return {
        name: linear_regression(times, [float(getattr(sample, name)) for sample in half]).slope * HOUR_SECONDS
        for name in MOST_GROWTH
    }


def wrongs(samples: Sequence[Sample], minutes: float) -> list[str]:
    """What grows without end. Noise makes a slope of its own, the steeper the shorter it was looked at."""
    room = max(1.0, 60.0 / minutes)
    return [
        f"{name} grows by {growth:.0f} in an hour, more than {MOST_GROWTH[name] * room:.0f}"
        for name, growth in grown(samples).items()
        if growth > MOST_GROWTH[name] * room
    ]


def page(samples: Sequence[Sample]) -> str:
    """The samples, a row each, and a last one with what would be taken more in an hour."""
    head = [field.name.replace("_", " ") for field in fields(Sample)]
    rows = [[f"{value:.2f}".rstrip("0").rstrip(".") for value in astuple(sample)] for sample in samples]
    growth = grown(samples)
    rows.append([f"{growth[name]:+.1f} an hour" if name in growth else "" for name in map(_name, fields(Sample))])
    return table(head, rows)


def _name(field: object) -> str:
    return str(getattr(field, "name", ""))
