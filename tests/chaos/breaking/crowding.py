"""Faults of clients: many that leave, and some that do not read."""

import asyncio
import json
import socket
from contextlib import suppress

import httpx

from tests.chaos.clients import MODEL, Crowd, Seen
from tests.chaos.fault import Fault
from tests.chaos.processes import House
from tests.live.wire import PATHS, asking

LEAVERS = 500
LEAVING_SECONDS = 40.0
READERS = 16
UNREAD_SECONDS = 8.0


class ClientsGone(Fault):
    what = f"clients: {LEAVERS} gone in mid-stream at once"
    told = 0

    async def happen(self, house: House, people: Crowd) -> None:
        """They leave once a tenth of them is being told something."""
        telling = asyncio.Semaphore(0)
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=house.url, timeout=None, limits=limits) as web:
            asked = [asyncio.create_task(_leaver(web, house, number, telling)) for number in range(LEAVERS)]
            with suppress(TimeoutError):
                async with asyncio.timeout(LEAVING_SECONDS):
                    for self.told in range(1, LEAVERS // 10 + 1):
                        await telling.acquire()
            for task in asked:
                task.cancel()
            await asyncio.wait(asked)

    async def wrongs(self, house: House) -> list[str]:
        return [] if self.told > 1 else ["none of them was told anything before it left"]


async def _leaver(web: httpx.AsyncClient, house: House, number: int, telling: asyncio.Semaphore) -> None:
    body = asking("completions", MODEL, f"{number}. The", tokens=400, stream=True, ignore_eos=True)
    body["detox"] = {"policy": "patient"}
    async with web.stream("POST", PATHS["completions"], json=body, headers=house.headers) as answer:
        parts = answer.aiter_raw()
        await anext(parts)
        if answer.status_code == 200:
            telling.release()
        await asyncio.Event().wait()


class SlowReaders(Fault):
    """Their answers do not fit into what lies between; afterwards they read all of it."""

    what = f"clients: {READERS} that read nothing for {UNREAD_SECONDS:.0f} s, then all"

    async def happen(self, house: House, people: Crowd) -> None:
        async with asyncio.TaskGroup() as group:
            reading = [group.create_task(_slow(house)) for _ in range(READERS)]
        people.seen += [task.result() for task in reading]


async def _slow(house: House) -> Seen:
    loop = asyncio.get_running_loop()
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    await loop.sock_connect(sock, ("127.0.0.1", house.port))
    body = asking("completions", MODEL, "The", tokens=60, stream=True, ignore_eos=True, logprobs=5, n=2)
    content = json.dumps(body | {"detox": {"policy": "patient"}}).encode()
    fields = {"host": "x", "connection": "close", "content-length": str(len(content)), **house.headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    await loop.sock_sendall(sock, f"POST {PATHS['completions']} HTTP/1.1\r\n{lines}\r\n".encode() + content)
    await asyncio.sleep(UNREAD_SECONDS)
    seen, raw = Seen("completions", stream=True), b""
    try:
        async with asyncio.timeout(60):
            while part := await loop.sock_recv(sock, 65536):
                raw += part
    except TimeoutError:
        seen.broken = "hung"
    except OSError as error:
        seen.broken = type(error).__name__
    finally:
        sock.close()
    head, _, said = raw.partition(b"\r\n\r\n")
    if head:
        seen.status = int(head.split(b" ", 2)[1])
        seen.body = _unchunked(said) if b"chunked" in head.lower() else said
    return seen


def _unchunked(raw: bytes) -> bytes:
    body = b""
    while raw:
        size, _, rest = raw.partition(b"\r\n")
        length = int(size, 16)
        body += rest[:length]
        raw = rest[length + 2 :] if length else b""
    return body
