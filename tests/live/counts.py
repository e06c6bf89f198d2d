"""What vLLM counts, as its `/metrics` says."""

import re

import httpx

from tests.live.servers import Servers

_LINE = re.compile(r"^(vllm:\w+)(\{.*\})? (\S+)$", re.MULTILINE)


def vllm_counts(servers: Servers) -> dict[str, float]:
    """Every series of vLLM's by its name, the sum of those that differ in labels only; `name{reason}` for endings."""
    counts: dict[str, float] = {}
    for name, labels, value in _LINE.findall(httpx.get(f"{servers.guarded}/metrics", timeout=60).text):
        counts[name] = counts.get(name, 0.0) + float(value)
        if reason := re.search(r'finished_reason="(\w+)"', labels):
            counts[f"{name}:{reason[1]}"] = float(value)
    return counts
