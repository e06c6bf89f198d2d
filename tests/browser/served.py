"""vLLM's own server, guarded, over a scripted engine and scorer, listening: what a browser of the tests looks at."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry
from vllm.engine.arg_utils import EngineArgs

from filters.scorers.scripted import ScriptedScorer
from server import app as wiring
from server import composition
from server.api.asgi import App, Message, Receive, Scope, Send
from server.configuration import parse
from server.engine import launcher
from server.engine.core import arming
from server.engine.drafting.scripted import Wordings
from server.engine.scripted_client import ScriptedClient
from server.keys.file import Keys
from server.keys.key import Key, digest
from server.policy.catalog import Catalog, check_categories
from server.policy.policy import Policy
from server.reloading import Current
from server.telemetry.metrics import Metrics
from tests.live.servers import listening

GATE = Policy(
    name="default", first_stride=2, stride=4, max_stride=4, context=24, hold_back=3, thresholds={"toxicity": 0.5}
)
STRICT = GATE.model_copy(update={"name": "strict", "thresholds": {"toxicity": 0.3}})
KEYS = Keys(
    {
        digest("watcher"): Key("watcher", rights=frozenset({"trace"})),
        digest("reader"): Key("reader", rights=frozenset({"trace", "flagged_text"})),
        digest("loose"): Key("loose", rights=frozenset({"trace", "loosen"})),
        digest("plain"): Key("plain"),
    }
)


async def at_once() -> None:
    """No pause."""


class PacedClient(ScriptedClient):
    """A scripted engine that waits for `pause` before every output."""

    pause: Callable[[], Awaitable[None]] = staticmethod(at_once)

    async def generate(self, *args: Any, **options: Any) -> AsyncGenerator[Any, None]:
        async for output in super().generate(*args, **options):
            await self.pause()
            for made in output.outputs:  # for answers without a guard, which spells its text itself
                made.text = self.renderer.tokenizer.decode(made.token_ids, skip_special_tokens=True)
            yield output


@dataclass
class Served:
    """A server's address, and what is behind it."""

    url: str
    engine: PacedClient
    scorer: ScriptedScorer
    loop: asyncio.AbstractEventLoop
    sent: bytearray
    """All that it has sent of bodies, in order."""
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    def writes(self, *texts: str) -> None:
        """Have the engine write the first text, or another one where it is rewound."""
        self.engine.script = script(self.engine, texts)

    def pace(self, pause: Callable[[], Awaitable[None]]) -> None:
        """Have the engine wait for this before every output."""
        self.engine.pause = pause


def _kept(app: App, sent: bytearray) -> App:
    """The application, with every byte of its answers' bodies kept."""

    async def keep(scope: Scope, receive: Receive, send: Send) -> None:
        async def told(message: Message) -> None:
            sent.extend(message.get("body", b""))
            await send(message)

        await app(scope, receive, told)

    return keep


def script(engine: ScriptedClient, texts: Sequence[str]) -> Any:
    """What writes the first text, and leads over to another one where a token is banned."""
    encode = engine.renderer.tokenizer.encode
    wordings = Wordings(*(encode(text, add_special_tokens=False) for text in texts))
    return lambda prompt, drawn, seed: wordings(drawn) or (engine.end,)


@contextmanager
def serving(words: Mapping[str, float], *, keys: Keys | None = KEYS, loose: bool = False) -> Iterator[Served]:
    """A server on a free port, with these keys (None: without any). Its scorer flags these words."""
    ready, state = threading.Event(), dict[str, Any]()
    thread = threading.Thread(target=_run, args=(words, keys, loose, state, ready), name="served")
    thread.start()
    ready.wait()
    if "error" in state:
        thread.join()
        raise state["error"]
    served: Served = state["served"]
    try:
        yield served
    finally:
        served.scorer.release()
        served.loop.call_soon_threadsafe(served.stop.set)
        thread.join(60)


def _run(words: Mapping[str, float], keys: Keys | None, loose: bool, state: dict[str, Any], ready: Any) -> None:
    try:
        asyncio.run(_serve(words, keys, loose, state, ready))
    except BaseException as error:
        state["error"] = error
        ready.set()


async def _serve(words: Mapping[str, float], keys: Keys | None, loose: bool, state: dict[str, Any], ready: Any) -> None:
    start = parse(["serve", "mini", "--screen", "none", "--max-model-len", "512"])
    args = wiring.engine_arguments(start)
    metrics, scorer = Metrics(CollectorRegistry()), ScriptedScorer(words)
    config = EngineArgs.from_cli_args(args).create_engine_config()
    arming.arm(config)
    engine = PacedClient(config, lambda *_: (0,))
    named = check_categories(Catalog(GATE, {"default": GATE, "strict": STRICT}), scorer.categories)
    async with AsyncExitStack() as closing, wiring.judging(scorer, start.settings, metrics) as judge:
        client = composition.guard(
            engine,
            judge,
            Current(named),
            metrics,
            closing,
            allow_loosen=loose,
            keys=None if keys is None else Current(keys),
        )
        app = await launcher.application(client, args)
        composition.attach(app, client, args)
        sent = bytearray()
        async with listening(_kept(app, sent)) as url:
            served = state["served"] = Served(url, engine, scorer, asyncio.get_running_loop(), sent)
            ready.set()
            await served.stop.wait()
