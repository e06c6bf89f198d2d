"""The models that vLLM's server says it serves: its list names them, and it has no route for one of them."""

from typing import Any

from fastapi import FastAPI


async def served(app: FastAPI, name: str) -> dict[str, Any] | None:
    """Return one model, an adapter too, as the list has it; None if there is none of this name."""
    models = await app.state.openai_serving_models.show_available_models()
    return next((dict(model.model_dump()) for model in models.data if model.id == name), None)
