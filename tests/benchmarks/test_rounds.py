import os
from collections import Counter
from dataclasses import replace

import pytest

from benchmarks import rounds
from benchmarks.measures import Pair
from benchmarks.plan import Cell, cells
from benchmarks.rounds import Rounds, Servers
from benchmarks.usage import Usage
from tests.benchmarks.builders import settings
from tests.benchmarks.streaming import Fake, streaming

SETTINGS = settings(runs=("clean", "noop", "open"), streams=(2,), requests=3, tokens=4, rounds=2, rate=200.0)


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "SETTLE_SECONDS", 0.0)


async def _run(chosen: list[Cell], *, seeded: bool = True) -> tuple[dict[Cell, list[Pair]], Fake, Fake, int]:
    async with streaming() as plain, streaming() as guarded:
        advanced, asked = list[int](), replace(SETTINGS, seeded=seeded)
        found = Rounds(Servers(plain.url, guarded.url, Usage(os.getpid()), "mini"), asked, chosen)
        await found.run(advanced.append)
        return found.pairs, plain, guarded, sum(advanced)


async def test_every_cell_has_its_pairs_and_both_sides_the_same_requests() -> None:
    pairs, plain, guarded, advanced = await _run(cells(SETTINGS, 4096, large=False))
    assert {cell.key: len(each) for cell, each in pairs.items()} == {"clean.c2": 2, "noop.c2": 2, "open": 2}
    assert advanced == 6

    def seeds(fake: Fake) -> Counter[int]:
        return Counter(body["seed"] for body in fake.asked)

    assert seeds(plain) == seeds(guarded)
    assert len(plain.asked) == 3 * 2 + 6 * 3  # warm, then six rounds
    assert {body["model"] for body in plain.asked} == {"mini"}


async def test_each_run_has_its_scorer() -> None:
    _, plain, guarded, _ = await _run(cells(SETTINGS, 4096, large=False))
    assert guarded.scorers == ["real", "nothing", "real"] * 3
    assert plain.scorers == []


async def test_requests_have_seeds_only_if_that_was_asked_for() -> None:
    _, plain, guarded, _ = await _run(cells(SETTINGS, 4096, large=False), seeded=False)
    assert all("seed" not in body for body in [*plain.asked, *guarded.asked])


async def test_rounds_write_different_texts() -> None:
    _, plain, _, _ = await _run(cells(settings(runs=("clean",), streams=(2,), requests=3, rounds=2), 4096, large=False))
    assert max(Counter(body["seed"] for body in plain.asked).values()) == 1


async def test_only_the_guarded_side_has_the_figures_of_the_guard() -> None:
    pairs, *_ = await _run(cells(SETTINGS, 4096, large=False))
    for plain, guarded in (pair for each in pairs.values() for pair in each):
        assert plain["tokens"] == guarded["tokens"] == 12.0
        assert guarded["waste"] == 0.0 and "waste" not in plain
        assert plain["peak_memory_mib"] > 0
