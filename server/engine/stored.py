"""vLLM's store of responses: what is kept, by whom it is written, and an end for what has none.

vLLM ends a stream of stored events with `response.completed` alone, and leaves the status of a response as it was when
the work on it fails or is cancelled: readers would wait forever.
"""

import asyncio
from collections.abc import MutableMapping
from typing import Any

from fastapi import FastAPI
from vllm.entrypoints.openai.responses.protocol import ResponseCompletedEvent

LAST = "response.completed"
UNFINISHED = ("queued", "in_progress")


def find(app: FastAPI) -> "VllmStore | None":
    """Return the store of an application; None if it keeps no responses."""
    serving = getattr(app.state, "openai_serving_responses", None)
    return VllmStore(serving) if serving is not None and serving.enable_store else None


def named(scope: MutableMapping[str, Any]) -> str | None:
    """Return the id of the answer to the request of this scope; None before vLLM has read the request."""
    metadata = scope.get("state", {}).get("request_metadata")
    return None if metadata is None else str(metadata.request_id)


class VllmStore:
    """Over vLLM's `OpenAIServingResponses`."""

    def __init__(self, serving: Any) -> None:
        self._serving = serving

    def named(self, scope: MutableMapping[str, Any]) -> str | None:
        """Return the id of the response that the request of this scope makes; None before vLLM has read the request."""
        return named(scope)

    def holds(self, response: str) -> bool:
        """Return whether the response can be fetched."""
        return response in self._serving.response_store

    def work(self, response: str) -> "asyncio.Future[Any] | None":
        """Return what goes on in the background for it."""
        found: asyncio.Future[Any] | None = self._serving.background_tasks.get(response)
        return found

    def close(self, response: str) -> None:
        """Finish its work: a response without an end has failed, and its events end with it as it is stored."""
        kept = self._serving.response_store[response]
        if kept.status in UNFINISHED:
            kept.status = "failed"
        events, news = self._serving.event_store.get(response, (None, None))
        if events is None or (events and events[-1].type == LAST):
            return
        events.append(ResponseCompletedEvent(type=LAST, sequence_number=len(events), response=kept))
        news.set()
