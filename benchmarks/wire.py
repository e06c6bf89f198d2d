"""A streamed completion over HTTP, timed by a client that does next to nothing during it.

1. While an answer comes, its bytes are kept with the times of their arrival; they are read when the round is over. A
   client on the same machine must not take the cores away from the server that sends an event for every token.
2. A connection serves one request. Times are seconds on the monotonic clock of this process.
"""

import asyncio
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import h11

from benchmarks.errors import BenchError

END = b"\n\n"
_DATA = b"data: "


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer: when it was asked for and when it ended, when each text came, and its released tokens."""

    asked: float
    ended: float
    texts: tuple[float, ...]
    tokens: int
    finish_reason: str

    @property
    def seconds(self) -> float:
        """How long the whole answer took."""
        return self.ended - self.asked

    @property
    def first_seconds(self) -> float:
        """From asking to the first text."""
        return self.texts[0] - self.asked

    @property
    def gaps(self) -> list[float]:
        """Seconds between one text and the next."""
        return [after - before for before, after in zip(self.texts, self.texts[1:], strict=False)]


class Stream(asyncio.Protocol):
    """One request and what came back: `arrivals` holds bytes with the times at which they came."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self.asked = 0.0
        self.arrivals: list[tuple[float, bytes]] = []
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the request."""
        self.asked = time.perf_counter()
        cast(asyncio.Transport, transport).write(self._request)  # uvloop's are none by class

    def data_received(self, data: bytes) -> None:
        """Keep what came, and when."""
        self.arrivals.append((time.perf_counter(), data))

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end: the server closes the connection after its answer."""
        if not self.closed.done():
            self.closed.set_result(None)


async def ask(url: str, body: Mapping[str, Any], timeout_seconds: float) -> Stream:
    """Send `body` to `url` and wait until the answer is whole. BenchError if it is not so in time, or nobody is there.

    The answer is not read here: see `read`.
    """
    parts = urlsplit(url)
    request = _request(parts.path, parts.netloc, json.dumps(body).encode())
    try:
        async with asyncio.timeout(timeout_seconds):
            loop = asyncio.get_running_loop()
            transport, stream = await loop.create_connection(
                lambda: Stream(request), parts.hostname or "", parts.port or 80
            )
            try:
                await stream.closed
            finally:
                transport.close()
            return stream
    except TimeoutError:
        raise BenchError(f"{url}: no whole answer within {timeout_seconds:g} seconds; raise --timeout") from None
    except OSError as error:
        raise BenchError(f"{url}: no connection ({error}); did the server end?") from None


def read(url: str, stream: Stream) -> Answer:
    """Return the answer that a stream holds. BenchError if it is an error, or ends before its end."""
    texts: list[float] = []
    tokens, reason, ended = 0, "", stream.asked
    for at, event in _events(_payloads(url, stream.arrivals)):
        ended = at
        if event.get("error"):
            raise BenchError(f"{url} broke off: {event['error']}")
        for choice in event.get("choices", ()):
            if choice["text"]:
                texts.append(at)
            reason = choice["finish_reason"] or reason
        tokens = (event.get("usage") or {}).get("completion_tokens", tokens)
    if not texts or not reason:
        raise BenchError(f"{url}: an answer without text or without an end ({reason or 'cut off'})")
    return Answer(stream.asked, ended, tuple(texts), tokens, reason)


def head(stream: Stream) -> tuple[int, dict[str, str], bytes]:
    """Return the status of an answer, its headers (lower case), and its body; 0 if nothing has come."""
    connection = _client()
    status, headers, body = 0, dict[str, str](), b""
    for _, data in stream.arrivals:
        connection.receive_data(data)
    while isinstance(event := connection.next_event(), h11.Response | h11.Data):
        if isinstance(event, h11.Response):
            status, headers = event.status_code, {name.decode(): value.decode() for name, value in event.headers}
        else:
            body += event.data
    return status, headers, body


def _client() -> h11.Connection:
    """Return a connection that has sent its request."""
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="POST", target="/", headers=[("Host", "x"), ("Content-Length", "0")]))
    connection.send(h11.EndOfMessage())
    return connection


def _request(path: str, host: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nConnection: close\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def _payloads(url: str, arrivals: Sequence[tuple[float, bytes]]) -> Iterator[tuple[float, bytes]]:
    """Yield the bodies of an HTTP answer's chunks, with the times of their arrival."""
    connection = _client()
    status = 200
    for at, data in arrivals:
        connection.receive_data(data)
        while isinstance(event := connection.next_event(), h11.Response | h11.Data):
            if isinstance(event, h11.Response):
                status = event.status_code
            elif status != 200:
                raise BenchError(f"{url} answered {status}: {bytes(event.data).decode(errors='replace')[:300]}")
            else:
                yield at, bytes(event.data)


def _events(payloads: Iterator[tuple[float, bytes]]) -> Iterator[tuple[float, dict[str, Any]]]:
    """Yield the JSON objects of a stream of server-sent events, each with the time at which it was whole."""
    rest = b""
    for at, data in payloads:
        *whole, rest = (rest + data).split(END)
        for event in whole:
            said = event.removeprefix(_DATA)
            if said.startswith(b"{"):
                yield at, json.loads(said)
