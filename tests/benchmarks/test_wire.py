from typing import Any

import pytest

from benchmarks.errors import BenchError
from benchmarks.process import reserved_port
from benchmarks.wire import Answer, Stream, ask, head, read
from tests.benchmarks.builders import answer
from tests.benchmarks.streaming import Fake, streaming

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
EVENTS = (
    b'data: {"choices":[{"text":"a","finish_reason":null}]}\n\n'
    b'data: {"choices":[{"text":"","finish_reason":"length"}]}\n\n'
    b'data: {"choices":[],"usage":{"completion_tokens":3}}\n\ndata: [DONE]\n\n'
)


async def _asked(body: dict[str, Any], **faults: bool) -> tuple[Answer, Fake]:
    async with streaming() as fake:
        for name, value in faults.items():
            setattr(fake, name, value)
        url = f"{fake.url}/v1/completions"
        return read(url, await ask(url, body, 10)), fake


def _held(*arrivals: bytes) -> Stream:
    """A stream to which these bytes came, a second after one another."""
    stream = Stream(b"")
    stream.arrivals = [(float(second), data) for second, data in enumerate(arrivals, 1)]
    return stream


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def test_an_answer_has_a_time_for_each_text() -> None:
    found, fake = await _asked({"max_tokens": 3})
    assert (found.tokens, found.finish_reason, len(found.texts)) == (3, "length", 3)
    assert found.asked < found.texts[0] < found.texts[1] < found.texts[2] < found.ended
    assert fake.asked == [{"max_tokens": 3}]


def test_seconds_count_from_asking() -> None:
    found = answer(1.0, 1.5, 3.0, asked=0.25, ended=4.25)
    assert (found.first_seconds, found.seconds, found.gaps) == (0.75, 4.0, [0.5, 1.5])


@pytest.mark.parametrize("size", [1, 2, 7, 50, 10_000])
async def test_an_answer_may_come_in_any_pieces(size: int) -> None:
    raw = HEAD + _chunk(EVENTS[:70]) + _chunk(EVENTS[70:]) + b"0\r\n\r\n"
    found = read("http://u", _held(*(raw[at : at + size] for at in range(0, len(raw), size))))
    assert (found.tokens, found.finish_reason, len(found.texts)) == (3, "length", 1)


async def test_an_event_has_the_time_of_its_last_byte() -> None:
    found = read("http://u", _held(HEAD, _chunk(EVENTS[:20]), _chunk(EVENTS[20:]), b"0\r\n\r\n"))
    assert found.texts == (3.0,)


async def test_an_error_is_told_with_status_and_message() -> None:
    with pytest.raises(BenchError, match=r"/v1/completions answered 503: .*no scorer"):
        await _asked({"max_tokens": 3}, broken=True)


async def test_an_error_within_a_stream_is_told() -> None:
    broken = b'data: {"error":{"message":"engine died"}}\n\n'
    with pytest.raises(BenchError, match=r"broke off: .*engine died"):
        read("http://u", _held(HEAD, _chunk(broken), b"0\r\n\r\n"))


async def test_an_answer_that_is_cut_short_is_no_answer() -> None:
    with pytest.raises(BenchError, match="without an end"):
        await _asked({"max_tokens": 2}, cut=True)


async def test_the_head_of_a_refusal_and_what_it_says() -> None:
    refusal = b"HTTP/1.1 503 Busy\r\nRetry-After: 3\r\ncontent-length: 2\r\n\r\n"
    assert head(_held(refusal, b"{", b"}")) == (503, {"retry-after": "3", "content-length": "2"}, b"{}")
    assert head(_held()) == (0, {}, b"")


async def test_nobody_there() -> None:
    with reserved_port() as port, pytest.raises(BenchError, match=r"no connection .*did the server end"):
        await ask(f"http://127.0.0.1:{port}/v1/completions", {}, 5)


async def test_an_answer_that_takes_too_long() -> None:
    async with streaming() as fake:
        with pytest.raises(BenchError, match=r"within 0.05 seconds; raise --timeout"):
            await ask(f"{fake.url}/v1/completions", {"max_tokens": 10_000}, 0.05)
