"""Our two entry points into vLLM (pyproject.toml): `VLLM_PLUGINS=unsay vllm serve MODEL` is guarded by them.

1. The general part is loaded in every process of vLLM's and is light: what guards is made where an engine is
   handed out.
2. The endpoint part adds our routes and the gateway to the server over a guarded engine. vLLM logs a plug-in that does
   not load and goes on without it, so this part refuses to start over an engine that is not guarded: one alone of the
   two brings up no server that could be taken for a guarded one.
3. `unsay serve` starts the same server, and first asks whether both parts are in place.
"""

from argparse import Namespace
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from server.errors import StartError
from server.settings import ENDPOINTS, PLUGIN, plug_in, prepare_environment
from server.starting import starting
from server.stopping import closed_after
from server.telemetry import logs

if TYPE_CHECKING:
    from fastapi import FastAPI

log = logs.logger("plugin")

_REMEDY = "install unsay again (`pip install unsay`, or `pip install -e .` in a clone)"


def guard_vllm() -> None:
    """Have this process of vLLM's arm its configurations and guard its engines: the general part."""
    from server.engine import plugged

    plugged.arm_configurations(_log_format)
    plugged.guard_engines(_prepare)


def prepare_process(log_format: str = "text") -> None:
    """Prepare the environment of a process that has not loaded vLLM yet, with us among vLLM's plug-ins.

    StartError for what would bring up an unguarded server.
    """
    prepare_environment(log_format)
    for name in plug_in():
        log.warning("left out, since it has routes: to have it, name it in VLLM_PLUGINS", extra={"plugin": name})


def check_in_place() -> None:
    """Check, before anything is started, that vLLM has both parts. StartError if one is missing."""
    from server.engine import plugged

    if not plugged.guarding():
        raise StartError(f"vLLM has not loaded the general part of the plug-in {PLUGIN}; {_REMEDY}")
    found = [point.load() for point in entry_points(group=ENDPOINTS, name=PLUGIN)]
    if Endpoint not in found:
        raise StartError(f"vLLM does not find the endpoint part of the plug-in {PLUGIN}; {_REMEDY}")


class Endpoint:
    """The endpoint part, one for each application of vLLM's: the routes are opened once the engine is known."""

    name = PLUGIN
    required_tasks = None
    """It is there for every server, to refuse those that it cannot guard."""

    def __init__(self) -> None:
        self._app: FastAPI | None = None

    def attach_router(self, app: "FastAPI") -> None:
        """Remember the application, which `init_state` is not told."""
        self._app = app

    async def init_state(self, engine_client: Any, state: Any, args: Namespace) -> None:
        """Open our routes. StartError if the engine is not guarded; a server without an engine has nothing to guard."""
        if engine_client is None or self._app is None:
            return
        from server import app, composition
        from server.engine.access import keys, warning
        from server.engine.served import ServedClient

        if not isinstance(engine_client, ServedClient):
            raise StartError(_unguarded(engine_client, args.model))
        settings = app.settings_of(args.additional_config)
        app.check_open(args, settings)
        composition.attach(self._app, engine_client, args, pages_need_key=settings.pages_need_key)
        file = engine_client.keys
        if file is not None or keys(args):
            counts = {"of_keys_file": 0 if file is None else len(file.value), "of_api_key": len(keys(args))}
            log.info("asking for keys", extra={**counts, "for_pages": settings.pages_need_key})
        if unmeant := warning(args, keyed=file is not None):
            log.warning(unmeant)
        router = self._app.router
        router.lifespan_context = closed_after(router.lifespan_context, engine_client.closing.aclose)
        log.info(
            "ready",
            extra={
                "url": _address(args),
                "policy": engine_client.default_policy.name,
                "scorer": engine_client.services.judge.scorer_name,
                **starting.ready(),
            },
        )


def _prepare(additional: Any) -> Any:
    from server import app

    if app.settings_of(additional).upstream:
        raise StartError("upstream: an engine is started here: leave it out, or start `unsay serve --upstream`")
    return app.prepare(additional)


def _log_format(additional: Any) -> str:
    from server import app

    return app.settings_of(additional).log_format


def _unguarded(engine_client: Any, model: str) -> str:
    if engine_client.vllm_config.model_config.runner_type != "generate":
        return (
            f"model {model}: it does not generate text: there is nothing to guard; leave {PLUGIN} out of VLLM_PLUGINS"
        )
    return f"vLLM's engine is not guarded: its plug-in {PLUGIN} was not loaded whole; {_REMEDY}"


def _address(args: Namespace) -> str:
    from server.engine.access import EVERYWHERE

    if args.uds:
        return f"unix:{args.uds}"
    host = args.host or EVERYWHERE
    scheme = "https" if args.ssl_certfile and args.ssl_keyfile else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{args.port}"
