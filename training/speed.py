"""How fast the language model writes in vLLM: streams without the guard, one, a few and many at once."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import httpx

from benchmarks import load, measures
from reporting.markdown import table
from training.continued import UNGUARDED

STREAMS = (1, 8, 32)
MAX_TOKENS = 128
_TIMEOUT_SECONDS = 600.0


@dataclass(frozen=True)
class Round:
    """One round: tokens a second over all streams, and the median seconds to the first text."""

    throughput: float
    first_text: float


async def measure(
    base_url: str, rounds: int, streams: Sequence[int] = STREAMS, max_tokens: int = MAX_TOKENS
) -> dict[int, list[Round]]:
    """Return the rounds of each number of streams. The numbers alternate, so that a slow minute hits all of them."""
    async with httpx.AsyncClient(trust_env=False) as client:
        model = (await client.get(f"{base_url}/models")).json()["data"][0]["id"]
    for count in streams:
        await _round(base_url, model, count, max_tokens)  # warm
    found: dict[int, list[Round]] = {count: [] for count in streams}
    for _ in range(rounds):
        for count in streams:
            found[count].append(await _round(base_url, model, count, max_tokens))
    return found


async def _round(base_url: str, model: str, streams: int, max_tokens: int) -> Round:
    asked = load.bodies(model, streams, max_tokens, 0, UNGUARDED)
    answers = await load.closed(f"{base_url}/completions", asked, streams, _TIMEOUT_SECONDS)
    seen = measures.of_clients(answers)
    return Round(seen["tokens_per_second"], seen["first_token_ms"] / 1e3)


def blocks(found: Mapping[int, Sequence[Round]]) -> Iterator[str]:
    """Yield the report's part."""
    yield "## Language model: speed in vLLM"
    yield table(("streams", "tokens/s, median", "lowest to highest", "first text"), [_row(n, found[n]) for n in found])
    rounds = len(next(iter(found.values()), ()))
    yield f"{MAX_TOKENS} tokens a stream, guard off, {rounds} rounds in turn; a stream's number is its seed."


def _row(streams: int, rounds: Sequence[Round]) -> tuple[str, str, str, str]:
    rates = [each.throughput for each in rounds]
    first = statistics.median(each.first_text for each in rounds) * 1000
    spread = f"{min(rates):.0f} to {max(rates):.0f}"
    return str(streams), f"{statistics.median(rates):.0f}", spread, f"{first:.0f} ms"
