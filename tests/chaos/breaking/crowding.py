"""Faults of clients: many that leave, and some that do not read."""

import asyncio
import json
import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import httpx

from tests.chaos.clients import MODEL, PATIENCE_SECONDS, Crowd, Seen
from tests.chaos.fault import Fault
from tests.chaos.processes import House
from tests.live.wire import PATHS, asking

LEAVERS = 500
LEAVING_SECONDS = 40.0
READERS, CHOICES, LONG = 4, 8, 300
"""Each has so many answers of so many tokens, with what else might have been drawn: some four megabytes."""
A_LOT = 100_000
FULL_SECONDS, STILL_SECONDS = 120.0, 3.0
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
    """They read nothing until the server has had to stop writing to each, and a while longer; then all of it."""

    what = f"clients: {READERS} that read nothing until their lines are full and {UNREAD_SECONDS:.0f} s more, then all"
    full = False

    async def happen(self, house: House, people: Crowd) -> None:
        async with httpx.AsyncClient(base_url=house.url, timeout=None) as web:
            asked = {"model": MODEL, "prompt": "The town"}
            token = (await web.post("/tokenize", json=asked, headers=house.headers)).json()["tokens"][-1]
        readers = [await _asked(house, token) for _ in range(READERS)]
        self.full = await _all_full([reader.getsockname()[1] for reader in readers])
        await asyncio.sleep(UNREAD_SECONDS)
        async with asyncio.TaskGroup() as group:
            reading = [group.create_task(_read(reader)) for reader in readers]
        people.seen += [task.result() for task in reading]

    async def wrongs(self, house: House) -> list[str]:
        return [] if self.full else ["says nothing: what lies between held all of their answers"]


async def _asked(house: House, token: int) -> socket.socket:
    """A reader's connection: it asks for megabytes, which are quickly written, and whose words nobody flags."""
    loop, reader = asyncio.get_running_loop(), socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.setblocking(False)
    await loop.sock_connect(reader, ("127.0.0.1", house.port))
    body = asking("chat", MODEL, "The", tokens=LONG, stream=True, ignore_eos=True, n=CHOICES)
    body |= {"allowed_token_ids": [token], "logprobs": True, "top_logprobs": 20, "detox": {"policy": "patient"}}
    content = json.dumps(body).encode()
    fields = {"host": "x", "connection": "close", "content-type": "application/json", **house.headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in (fields | {"content-length": str(len(content))}).items())
    await loop.sock_sendall(reader, f"POST {PATHS['chat']} HTTP/1.1\r\n{lines}\r\n".encode() + content)
    return reader


async def _all_full(ports: Sequence[int]) -> bool:
    """Wait until as much is unsent to each of these as was some seconds before; false if that never comes."""
    before = dict[int, int]()
    for _ in range(round(FULL_SECONDS / STILL_SECONDS)):
        await asyncio.sleep(STILL_SECONDS)
        unsent = _unsent(ports)
        if unsent == before and len(unsent) == len(ports) and all(count > A_LOT for count in unsent.values()):
            return True
        before = unsent
    return False


def _unsent(ports: Sequence[int]) -> dict[int, int]:
    """How many bytes wait in the system's lines to the clients at these ports."""
    found = {}
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        _, _, remote, _, queues, *_ = line.split()
        if (port := int(remote.partition(":")[2], 16)) in ports:
            found[port] = int(queues.partition(":")[0], 16)
    return found


async def _read(reader: socket.socket) -> Seen:
    loop, seen, raw = asyncio.get_running_loop(), Seen("chat", stream=True), bytearray()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while part := await loop.sock_recv(reader, 65536):
                raw += part
    except TimeoutError:
        seen.broken = "hung"
    except OSError as error:
        seen.broken = type(error).__name__
    finally:
        reader.close()
    head, _, said = bytes(raw).partition(b"\r\n\r\n")
    if head:
        seen.status = int(head.split(b" ", 2)[1])
        seen.body = _unchunked(said) if b"chunked" in head.lower() else said
    return seen


def _unchunked(raw: bytes) -> bytes:
    body, at = bytearray(), 0
    while (end := raw.find(b"\r\n", at)) >= 0 and (length := int(raw[at:end], 16)):
        body += raw[end + 2 : end + 2 + length]
        at = end + length + 4
    return bytes(body)
