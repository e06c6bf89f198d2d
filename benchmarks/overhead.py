"""What the guard costs: the same streams with and without it, alternately, against one running server.

    unsay serve --allow-loosen &
    python -m benchmarks.overhead [--base-url http://localhost:8000/v1] [--streams 1 8 32] [--rounds 7]

Mode `off` hands vLLM's own stream through, so it stands for plain vLLM. A machine may be noisy: figures are medians of
ratios of neighbouring rounds, with their quartiles. Prompts are clean ones, so that nothing is rewound.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from openai import AsyncOpenAI

PROMPTS = (
    "The river rises in the mountains and",
    "The school was founded in 1921 by",
    "The second season of the series began",
    "In mathematics, a set is called",
    "User: I need a train to Oakland on Friday.\nAssistant:",
    "The album was recorded in a small studio",
    "The species lives in the forests of",
    "During the election of that year, the party",
)


@dataclass(frozen=True)
class Round:
    """One round: tokens a second over all streams, and the median seconds to the first text."""

    throughput: float
    first_text: float


def main() -> None:
    """Measure and print a table."""
    args = arguments()
    for line in asyncio.run(table(args.base_url, args.streams, args.rounds, args.max_tokens)):
        print(line, flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Guarded against unguarded streams, alternately, on one server.")
    parser.add_argument("--base-url", default="http://localhost:8000/v1")
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 8, 32], help="numbers of streams at once")
    parser.add_argument("--rounds", type=int, default=7, help="pairs of rounds for each of them (default: 7)")
    parser.add_argument("--max-tokens", type=int, default=128)
    return parser.parse_args()


async def table(base_url: str, streams: Sequence[int], rounds: int, max_tokens: int) -> list[str]:
    client = AsyncOpenAI(base_url=base_url, api_key="none", max_retries=0, timeout=600)
    model = (await client.models.list()).data[0].id
    lines = ["| streams | plain tokens/s | guarded / plain | first text, plain | guarded |", "|---|---|---|---|---|"]
    for count in streams:
        await one_round(client, model, count, max_tokens, "off")  # warm
        pairs = [await pair(client, model, count, max_tokens) for _ in range(rounds)]
        lines.append(row(count, pairs))
    return lines


async def pair(client: AsyncOpenAI, model: str, count: int, max_tokens: int) -> tuple[Round, Round]:
    plain = await one_round(client, model, count, max_tokens, "off")
    return plain, await one_round(client, model, count, max_tokens, "enforce")


async def one_round(client: AsyncOpenAI, model: str, count: int, max_tokens: int, mode: str) -> Round:
    began = time.perf_counter()
    results = await asyncio.gather(*(stream(client, model, i, max_tokens, mode) for i in range(count)))
    seconds = time.perf_counter() - began
    return Round(sum(tokens for tokens, _ in results) / seconds, statistics.median(first for _, first in results))


async def stream(client: AsyncOpenAI, model: str, number: int, max_tokens: int, mode: str) -> tuple[int, float]:
    """Tokens of one stream, and seconds to its first text. The seed makes both modes write the same."""
    began, first, tokens = time.perf_counter(), 0.0, 0
    async for chunk in await client.completions.create(
        model=model,
        prompt=PROMPTS[number % len(PROMPTS)],
        max_tokens=max_tokens,
        seed=number,
        stream=True,
        stream_options={"include_usage": True},
        extra_body={"ignore_eos": True, "detox": {"mode": mode}},
    ):
        if chunk.choices and chunk.choices[0].text and not first:
            first = time.perf_counter() - began
        if chunk.usage:
            tokens = chunk.usage.completion_tokens
    return tokens, first


def row(count: int, pairs: Sequence[tuple[Round, Round]]) -> str:
    ratios = [guarded.throughput / plain.throughput for plain, guarded in pairs]
    low, middle, high = statistics.quantiles(ratios, n=4)
    plain = statistics.median(plain.throughput for plain, _ in pairs)
    firsts = [statistics.median(entry[i].first_text for entry in pairs) * 1000 for i in (0, 1)]
    ratio = f"{middle:.2f} ({low:.2f} to {high:.2f})"
    return f"| {count} | {plain:.0f} | {ratio} | {firsts[0]:.0f} ms | {firsts[1]:.0f} ms |"


if __name__ == "__main__":
    main()
