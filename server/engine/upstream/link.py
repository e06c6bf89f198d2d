"""One upstream over HTTP.

1. Whatever goes wrong is a `Fault`, which says of what kind. A redirect is wrong: prompts and keys go to the address
   that was named, and proxies of the environment are not used.
2. Leaving an answer closes its connection, which ends the request upstream. Each answer is read in a task of its own,
   which is cancelled but once: httpx loses an open connection whose reader is cancelled again while it closes it.
3. An answer that came to its end is read to the last byte, so that its connection can be used again.
4. An answer's part has `silence_seconds` to come. Time is taken from event to event: bytes alone are no news.
"""

import asyncio
import json
import ssl
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from http import HTTPStatus
from typing import Any

import httpx

from server.engine.upstream.asking import GENERATE
from server.engine.upstream.faults import Fault
from server.engine.upstream.reading import DONE, Reading, events
from server.generation.draft import Draft

CONNECT_SECONDS = 5.0
HEALTH_SECONDS = 5.0
MOST_BYTES = 4 * 1024 * 1024
"""Of an answer that is no stream."""
_LAST_SECONDS = 1.0
_KEEP_SECONDS = 4.0
"""Idle connections are closed before the other side would (uvicorn: after 5 s) while a request is on its way."""
_BUSY = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_REFUSED = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.REQUEST_ENTITY_TOO_LARGE})
_REMEDIES: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: "set UNSAY_UPSTREAM_KEY to its --api-key",
    HTTPStatus.FORBIDDEN: "start it with --enable-scale-out, and look whether its key is the right one",
    HTTPStatus.NOT_FOUND: "is it vLLM 0.32 or later, started with --enable-scale-out?",
}


def http_client(key: str | None, transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """Return what asks all upstreams, with the key that they want."""
    return httpx.AsyncClient(
        headers={"Accept-Encoding": "identity", **({"Authorization": f"Bearer {key}"} if key else {})},
        limits=httpx.Limits(max_connections=None, keepalive_expiry=_KEEP_SECONDS),
        trust_env=False,
        verify=ssl.create_default_context(),  # with SSL_CERT_FILE, which `trust_env` would leave out
        transport=transport,
    )


class Link:
    """The upstream at `url`. `now` gives seconds on a clock that never goes back."""

    def __init__(
        self, url: str, http: httpx.AsyncClient, silence_seconds: float, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.url = url
        self._http = http
        self._silence_seconds = silence_seconds
        self._now = now
        self._heard_at = now()
        self._answering = set[asyncio.Task[None]]()

    def silent(self) -> bool:
        """Return whether nothing at all was heard of it for as long as one answer's part may take."""
        return self._now() - self._heard_at >= self._silence_seconds

    async def generate(
        self, body: Mapping[str, Any], headers: Mapping[str, str], reading: Reading
    ) -> AsyncGenerator[Draft, None]:
        """Yield the drafts of one answer, to its end. Fault if that does not come."""
        said, draft = asyncio.Queue[Draft | Exception](1), Draft(())
        answering = asyncio.create_task(self._answer(body, headers, reading, said))
        self._answering.add(answering)
        answering.add_done_callback(self._answering.discard)
        try:
            while draft.finish_reason is None:
                news = await said.get()
                if isinstance(news, Exception):
                    raise news
                draft = news
                yield draft
        finally:
            if draft.finish_reason is not None:
                await asyncio.wait({answering}, timeout=_LAST_SECONDS)
            answering.cancel()
            await asyncio.wait({answering})

    async def _answer(
        self,
        body: Mapping[str, Any],
        headers: Mapping[str, str],
        reading: Reading,
        said: asyncio.Queue[Draft | Exception],
    ) -> None:
        """Say what comes of an answer, or what is wrong with it, and read it to its last byte."""
        try:
            async with self._asked("POST", GENERATE, self._silence_seconds, json=body, headers=headers) as answer:
                if not answer.headers.get("content-type", "").startswith("text/event-stream"):
                    raise Fault("wrong", f"{GENERATE} answers with no stream of events")
                ended = False
                async with aclosing(events(self._parts(answer, self._silence_seconds, lambda: self._heard_at))) as told:
                    async for data in told:
                        if ended or data == DONE:
                            continue  # to its last byte; nothing after the end counts
                        draft = reading.read(data)
                        self._heard_at = self._now()
                        ended = draft.finish_reason is not None
                        await said.put(draft)
                if not ended:
                    raise Fault("lost", "its answer ends amid the text")
        except Exception as error:
            await said.put(error)

    async def fetch(self, method: str, path: str, **options: Any) -> Any:
        """Return what it says in JSON. Fault if it does not."""
        body, asked_at = b"", self._now()
        async with self._asked(method, path, HEALTH_SECONDS, **options) as answer:
            async for part in self._parts(answer, HEALTH_SECONDS, lambda: asked_at):
                body += part
                if len(body) > MOST_BYTES:
                    raise Fault("wrong", f"{path} answers with more than {MOST_BYTES} bytes")
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            raise Fault("wrong", f"{path} answers with something else than JSON: is it vLLM's address?") from None

    async def check_health(self) -> None:
        """Return if it says that it is well. Fault if it does not."""
        async with self._asked("GET", "/health", HEALTH_SECONDS):
            pass

    async def _parts(
        self, answer: httpx.Response, seconds: float, since: Callable[[], float]
    ) -> AsyncGenerator[bytes, None]:
        """Yield its bytes as they come, as long as those bring news: `since` says when there were any."""
        began = self._now()
        async for part in answer.aiter_raw():
            yield part
            if self._now() - max(began, since()) > seconds:
                raise Fault("lost", "nothing new for too long", slow=True)

    @asynccontextmanager
    async def _asked(self, method: str, path: str, seconds: float, **options: Any) -> AsyncIterator[httpx.Response]:
        """Provide an answer of status 200, any part of which has that long to come. What goes wrong is a Fault."""
        try:
            timeout = httpx.Timeout(seconds, connect=CONNECT_SECONDS)
            request = self._http.build_request(method, self.url + path, timeout=timeout, **options)
            answer = await self._http.send(request, stream=True)
            try:
                _check_status(path, answer)
                yield answer
            finally:
                await answer.aclose()
        except httpx.ReadTimeout:
            raise Fault("lost", f"{path}: nothing for too long", slow=True) from None
        except httpx.HTTPError as error:
            raise Fault("lost", f"{path}: no answer ({type(error).__name__})") from None


def _check_status(path: str, answer: httpx.Response) -> None:
    status = answer.status_code
    if status in _BUSY:
        raise Fault("busy", f"{path} answered {status}")
    if status in _REFUSED:
        raise Fault("refused", f"{path} answered {status}")
    if status >= 500:
        raise Fault("lost", f"{path} answered {status}")
    if status != HTTPStatus.OK:
        remedy = _REMEDIES.get(status, "is it vLLM's address?" if status >= 400 else "name the address it leads to")
        raise Fault("wrong", f"{path} answered {status}: {remedy}")
