from collections.abc import AsyncIterator, Iterator

import httpx

from tests.live.wire import alines, events, lines

RAW = 'data: {"text": "one\u2028two"}\n\ndata: {"delta": "\x85"}\n\ndata: [DONE]\n\ncut'
LINES = ['data: {"text": "one\u2028two"}', "", 'data: {"delta": "\x85"}', "", "data: [DONE]", "", "cut"]


class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """RAW, byte by byte."""

    def __iter__(self) -> Iterator[bytes]:
        return iter(bytes([byte]) for byte in RAW.encode())

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece


def test_only_a_line_feed_ends_a_line_of_a_stream() -> None:
    assert events(RAW) == [{"text": "one\u2028two"}, {"delta": "\x85"}]
    assert list(lines(httpx.Response(200, stream=Body()))) == LINES


async def test_nor_does_another_character_where_it_is_read_asynchronously() -> None:
    assert [line async for line in alines(httpx.Response(200, stream=Body()))] == LINES
