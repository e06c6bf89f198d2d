"""One model of those that vLLM lists, over vLLM's own list."""

from types import SimpleNamespace
from typing import Any

from fastapi import FastAPI
from vllm.entrypoints.openai.models.protocol import BaseModelPath
from vllm.entrypoints.openai.models.serving import OpenAIServingModels

from server.engine.models import served


def application(*names: str) -> FastAPI:
    engine: Any = SimpleNamespace(model_config=SimpleNamespace(max_model_len=8), renderer=None, input_processor=None)
    app = FastAPI()
    app.state.openai_serving_models = OpenAIServingModels(engine, [BaseModelPath(name, "/m") for name in names])
    return app


async def test_a_model_is_found_by_its_whole_name() -> None:
    app = application("mini", "org/mini")
    found = await served(app, "org/mini")
    assert found is not None and (found["id"], found["object"], found["max_model_len"]) == ("org/mini", "model", 8)
    assert await served(app, "org") is None
