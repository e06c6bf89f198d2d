"""How fast the language model writes in vLLM: streams without the guard, one, a few and many at once."""

import statistics
from collections.abc import Iterator, Mapping, Sequence

from openai import AsyncOpenAI

from benchmarks.overhead import Round, one_round
from training.markdown import table

STREAMS = (1, 8, 32)
MAX_TOKENS = 128


async def measure(
    base_url: str, rounds: int, streams: Sequence[int] = STREAMS, max_tokens: int = MAX_TOKENS
) -> dict[int, list[Round]]:
    """For each number of streams its rounds. Each number takes its turn, so that a slow minute falls on all of them."""
    async with AsyncOpenAI(base_url=base_url, api_key="none", max_retries=0, timeout=600) as client:
        model = (await client.models.list()).data[0].id
        for count in streams:
            await one_round(client, model, count, max_tokens, "off")  # warm
        found: dict[int, list[Round]] = {count: [] for count in streams}
        for _ in range(rounds):
            for count in streams:
                found[count].append(await one_round(client, model, count, max_tokens, "off"))
    return found


def blocks(found: Mapping[int, Sequence[Round]]) -> Iterator[str]:
    """The report's part."""
    yield "## Language model: speed in vLLM"
    yield table(("streams", "tokens/s, median", "lowest to highest", "first text"), [_row(n, found[n]) for n in found])
    rounds = len(next(iter(found.values()), ()))
    yield f"{MAX_TOKENS} tokens a stream, guard off, {rounds} rounds in turn; a stream's number is its seed."


def _row(streams: int, rounds: Sequence[Round]) -> tuple[str, str, str, str]:
    rates = [each.throughput for each in rounds]
    first = statistics.median(each.first_text for each in rounds) * 1000
    spread = f"{min(rates):.0f} to {max(rates):.0f}"
    return str(streams), f"{statistics.median(rates):.0f}", spread, f"{first:.0f} ms"
