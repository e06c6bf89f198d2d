"""What scaling out should give where nothing is shared but the proxies: a simulation with its assumptions as numbers.

1. A replica's engine takes `step_seconds` for a token of each of its streams, and `stream_seconds` more for each.
2. There are always `streams` requests for each replica; their answers have geometrically distributed lengths.
3. A request goes to the replica with fewer under way, of two drawn at random: what Serve's router does.
4. A proxy spends `proxy_seconds` of one core on a token; there is one for each node, and `per_node` replicas on a node.
The guard is in the replica's own processes: it scales as the replicas do.
"""

import random
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class Fleet:
    """The assumptions: an engine of some billion parameters on a GPU of its own, under Serve."""

    step_seconds: float = 0.010
    stream_seconds: float = 0.0002
    streams: int = 24
    tokens: int = 300
    proxy_seconds: float = 0.00008
    per_node: int = 8

    def alone(self) -> float:
        """Return the tokens a second of one replica with its streams."""
        return self._engine(self.streams)

    def _engine(self, streams: int) -> float:
        return streams / (self.step_seconds + self.stream_seconds * streams)

    @cache  # noqa: B019 (frozen, and few)
    def together(self, replicas: int) -> float:
        """Return the tokens a second of so many replicas, as they even out among the two choices of each request."""
        chance, under_way = random.Random(replicas), [self.streams] * replicas
        done = 0.0
        seconds = 0.0
        for _ in range(2000 * replicas):
            speeds = [self._engine(count) if count else 0.0 for count in under_way]
            wait = chance.expovariate(sum(speeds) / self.tokens)
            done += wait * sum(speeds)
            seconds += wait
            (finished,) = chance.choices(range(replicas), speeds)
            under_way[finished] -= 1
            pair = chance.sample(range(replicas), min(2, replicas))
            under_way[min(pair, key=under_way.__getitem__)] += 1
        return done / seconds

    def efficiency(self, replicas: int) -> float:
        """Return the tokens a second, as a share of so many times one replica's."""
        nodes = -(-replicas // self.per_node)
        served = min(self.together(replicas), nodes / self.proxy_seconds)
        return served / (replicas * self.alone())


SIZES = (1, 2, 4, 8, 16, 32)
WINDOWS, SINGLY = Fleet(), Fleet(proxy_seconds=0.0016)
"""Text that leaves in windows, as the guard releases it, and one token at a time: a chunk of its own for each."""


def table() -> str:
    """Return what the two give, as rows of a table."""
    rows = (
        f"| {size} | {WINDOWS.together(size):,.0f} | {WINDOWS.efficiency(size):.0%} | {SINGLY.efficiency(size):.0%} |"
        for size in SIZES
    )
    return "\n".join(rows)
