"""Two guarded replicas under Ray Serve; one is killed while both write. Prints what became of it as JSON.

python -m tests.fleet            over the scripted engine: no model, no engine's processes
python -m tests.fleet --real     over vLLM with the bundled model, and until the killed replica is replaced
python -m tests.fleet --costs    before, what a token costs with one replica and with two, best of three rounds
"""

import argparse
import asyncio
import json
import os
import socket
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from tests.fleet.measure import cost
from tests.live.wire import alines

STREAMS = 8
TOKENS = 300
REAL = ("mini", "--dtype", "float32", "--max-model-len", "1024", "--kv-cache-memory-bytes", str(1 << 27))
RUNNING = "RUNNING"
RAY = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
"""It reports nothing to its makers, and its workers do not yield to others: they load vLLM."""


def main() -> None:
    """Start the fleet, do to it what is to be done, print what was seen."""
    parser = argparse.ArgumentParser(description="Two guarded replicas under Ray Serve, one of which is killed.")
    parser.add_argument("--real", action="store_true", help="over vLLM with the bundled model")
    parser.add_argument("--costs", action="store_true", help="measure first what a token costs")
    args = parser.parse_args()
    os.environ |= RAY
    with TemporaryDirectory() as folder:
        seen = fleet(Path(folder) / "gate", real=args.real, costs=args.costs)
    sys.stdout.write(json.dumps(seen) + "\n")


def fleet(gate: Path, *, real: bool, costs: bool) -> dict[str, Any]:
    """Start two replicas, have them write, kill one of them; return what was seen."""
    import ray
    from ray import serve

    port = free_port()
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    try:
        serve.start(http_options={"host": "127.0.0.1", "port": port})
        url = f"http://127.0.0.1:{port}"
        found = [measured(url, count, gate, real=real) for count in (1, 2)] if costs else []
        if not costs:
            deploy(2, gate, real=real)
        seen = asyncio.run(play(url, partial(kill_one, gate)))
        if real:
            wait_for_two()
        return {"costs": found, **seen}
    finally:
        serve.shutdown()
        ray.shutdown()


def deploy(count: int, gate: Path, *, real: bool) -> None:
    """Have Serve bring up so many replicas, in place of those that there are."""
    from ray import serve

    from server import replicas
    from tests.fleet import scripted

    open_ = partial(replicas.vllm_server, REAL) if real else partial(scripted.serving, str(gate))
    fixed = {"autoscaling_config": None, "num_replicas": count, "ray_actor_options": {"num_cpus": 0.5}}
    began = time.monotonic()
    serve.run(replicas.guarded.options(**fixed).bind(open_), logging_config={"log_level": "ERROR"})
    sys.stderr.write(f"{count} up after {time.monotonic() - began:.0f} s\n")


def measured(url: str, count: int, gate: Path, *, real: bool) -> dict[str, float]:
    """Return what a token costs with so many replicas, in the best of three rounds."""
    deploy(count, gate, real=real)
    gate.touch()
    rounds = [asyncio.run(cost(url, body(0), 2 * STREAMS)) for _ in range(3)]
    gate.unlink()
    return {"replicas": count, **min(rounds, key=lambda found: found["proxy_ms"] + found["replica_ms"])}


def kill_one(gate: Path) -> None:
    """Kill a replica as a machine that goes down does, without a word, and let the scripted ones write on freely."""
    import ray

    names = [found["name"] for found in ray.util.list_named_actors(all_namespaces=True)]
    replica = next(name for name in sorted(names) if name.startswith("SERVE_REPLICA::"))
    ray.kill(ray.get_actor(replica, namespace="serve"))
    gate.touch()


def wait_for_two() -> None:
    """Wait until Serve has put another replica in the place of the killed one."""
    from ray import serve

    while serve.status().applications["default"].deployments["unsay"].replica_states.get(RUNNING, 0) < 2:
        time.sleep(1)


async def play(url: str, kill: Callable[[], None]) -> dict[str, Any]:
    """Ask for streams, kill a replica once all of them have begun, and ask again."""
    async with httpx.AsyncClient(base_url=url, timeout=300) as client:
        ready = (await client.get("/ready")).json()
        begun = [asyncio.Event() for _ in range(STREAMS)]
        streams = [asyncio.create_task(stream(client, number, begun[number])) for number in range(STREAMS)]
        for event in begun:
            await event.wait()
        kill()
        answers = await asyncio.gather(*streams)
        later = [await whole(client, number) for number in range(STREAMS)]
    return {"ready": ready, "streams": answers, "later": later}


def body(number: int, **more: Any) -> dict[str, Any]:
    """Return a request for a completion of some hundred tokens."""
    return {"prompt": "All is well", "max_tokens": TOKENS, "ignore_eos": True, "seed": number, **more}


async def stream(client: httpx.AsyncClient, number: int, begun: asyncio.Event) -> dict[str, Any]:
    """Read a stream to its end, or to where it breaks."""
    text, report, done = "", None, False
    try:
        async with client.stream("POST", "/v1/completions", json=body(number, stream=True)) as answer:
            async for line in alines(answer):
                done = done or line == "data: [DONE]"
                if not line.startswith("data: {"):
                    continue
                (choice,) = json.loads(line.removeprefix("data: "))["choices"]
                text, report = text + choice["text"], choice.get("detox", report)
                begun.set()
    except httpx.HTTPError as error:
        return {"text": text, "report": report, "done": done, "broke": type(error).__name__}
    finally:
        begun.set()
    return {"text": text, "report": report, "done": done, "broke": None if done else "no end"}


async def whole(client: httpx.AsyncClient, number: int) -> dict[str, Any]:
    """Ask for a whole answer."""
    answer = await client.post("/v1/completions", json=body(number))
    found = answer.json() if answer.status_code == httpx.codes.OK else None
    choice = found["choices"][0] if found else {"text": "", "detox": None}
    return {"status": answer.status_code, "text": choice["text"], "report": choice["detox"]}


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


if __name__ == "__main__":
    main()
