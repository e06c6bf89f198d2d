"""What our plug-in changes in a vLLM that it is loaded into: the two places that every engine behind a server comes by.

1. `AsyncEngineArgs.create_engine_config` resolves the configuration: our parts are put into it there (core/arming.py).
2. `AsyncLLM.from_vllm_config` and `from_engine_args` hand out the engine: what they hand out is guarded. vLLM builds
   all of its routes on that client, those to come included.
3. What guards is made before the engine is, so that wrong settings are told at once. An engine that generates no text
   is handed out as it is.
4. Each is done once in a process, however often it is asked for: vLLM loads plug-ins in all of its processes.
"""

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

from vllm.engine.arg_utils import AsyncEngineArgs
from vllm.engine.async_llm_engine import AsyncLLMEngine
from vllm.engine.protocol import EngineClient

from server.engine import quiet
from server.engine.core import arming
from server.errors import StartError
from server.settings import refuse_rust_front_end

Guard = Callable[[EngineClient], EngineClient]
Prepare = Callable[[Any], Guard]
"""Makes what guards, from vLLM's `additional_config`. StartError if it cannot be made."""
LogFormat = Callable[[Any], str]

_WAYS = {"from_vllm_config": "vllm_config", "from_engine_args": "engine_args"}
"""The class methods that hand an engine out, and the name of what each makes it from."""
_GRPC = "vllm.entrypoints.launchers.grpc_server"
_MARK = "unsay"


def arm_configurations(log_format: LogFormat = lambda additional: "text") -> None:
    """Have every configuration of an asynchronous engine made with our parts in it.

    `log_format` says, of vLLM's `additional_config`, how all of its processes write their log.
    """
    create = AsyncEngineArgs.create_engine_config
    if hasattr(create, _MARK):
        return

    @wraps(create)
    def armed(self: Any, *args: Any, **kwargs: Any) -> Any:
        _refuse_front_ends()
        config = create(self, *args, **kwargs)
        _refuse_no_text(config)
        if log_format(config.additional_config) == "json":
            quiet.write_objects(config)
        _refuse_bounds_on_rewinds(config)
        arming.arm(config)
        return config

    setattr(armed, _MARK, True)
    AsyncEngineArgs.create_engine_config = armed


def guard_engines(prepare: Prepare) -> None:
    """Have every asynchronous engine handed out behind the guard that `prepare` makes for it."""
    for name, source in _WAYS.items():
        way = getattr(AsyncLLMEngine, name)
        if not hasattr(way, _MARK):
            setattr(AsyncLLMEngine, name, classmethod(_guarded(way.__func__, source, prepare)))


def guarding() -> bool:
    """Return whether this process arms configurations and guards engines."""
    places = (AsyncEngineArgs.create_engine_config, *(getattr(AsyncLLMEngine, name) for name in _WAYS))
    return all(hasattr(place, _MARK) for place in places)


def _guarded(make: Callable[..., EngineClient], named: str, prepare: Prepare) -> Callable[..., EngineClient]:
    @wraps(make)
    def guarded(cls: Any, *args: Any, **kwargs: Any) -> EngineClient:
        source = kwargs[named] if named in kwargs else args[0]
        if not _generates(source):
            return make(cls, *args, **kwargs)
        guard = prepare(source.additional_config)
        engine = make(cls, *args, **kwargs)
        return guard(engine) if _generates(engine.vllm_config) else engine

    setattr(guarded, _MARK, True)
    return guarded


def _generates(source: Any) -> bool:
    """Return whether a configuration is for text. Arguments do not say: they may be."""
    model = getattr(source, "model_config", None)
    return model is None or model.runner_type == "generate"


def _refuse_no_text(config: Any) -> None:
    """Refuse an engine that knows tokens alone."""
    if _generates(config) and config.model_config.skip_tokenizer_init:
        raise StartError("--skip-tokenizer-init: without a tokenizer there is no text to judge; leave it out")


def _refuse_bounds_on_rewinds(config: Any) -> None:
    """Refuse vLLM's own bounds on its queue: they would hold for the rewinds of answers that have begun, too."""
    for name in ("max_num_queued_reqs", "max_num_queued_tokens"):
        if getattr(config.scheduler_config, name) is not None:
            flag = name.replace("_", "-")
            raise StartError(f"--{flag}: would end answers amid a rewind; leave it out, and say --max-under-way")


def _refuse_front_ends() -> None:
    """Refuse vLLM's front ends that have no place for the guard."""
    refuse_rust_front_end()
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    if _GRPC in sys.modules or (spec is not None and spec.name == _GRPC):
        raise StartError("--grpc: vLLM's gRPC server bypasses the guard; leave it out")
