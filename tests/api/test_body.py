"""The reader of bodies: bounds, and what is left to others."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.api import body as bodies
from server.api.asgi import Message, Scope
from server.api.body import MOST_BYTES, MOST_LEVELS, again, has_body, parsed, read
from server.errors import BadRequest, TooLarge


def scope(**headers: str) -> Scope:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "method": "POST", "path": "/", "headers": raw}


class Client:
    """Sends pieces, and then goes; `asked` counts how many of them were wanted."""

    def __init__(self, *pieces: bytes, whole: bool = True) -> None:
        last = len(pieces) - 1
        self.left: list[Message] = [
            {"type": "http.request", "body": piece, "more_body": at < last or not whole}
            for at, piece in enumerate(pieces)
        ]
        self.asked = 0

    async def receive(self) -> Message:
        self.asked += 1
        return self.left.pop(0) if self.left else {"type": "http.disconnect"}


async def test_pieces_are_put_together() -> None:
    assert await read(scope(), Client(b"a", b"", b"bc").receive) == b"abc"


async def test_of_a_client_that_goes_before_the_end_nothing_is_returned() -> None:
    assert await read(scope(), Client(b"a", whole=False).receive) is None


async def test_what_says_that_it_is_too_long_is_not_read_at_all() -> None:
    client = Client(b"a")
    with pytest.raises(TooLarge, match=str(MOST_BYTES)):
        await read(scope(content_length=str(MOST_BYTES + 1)), client.receive)
    assert client.asked == 0


@pytest.mark.parametrize("declared", [{}, {"content_length": "1"}, {"content_length": "x"}, {"content_length": "²"}])
async def test_what_is_too_long_is_read_no_further_whatever_it_says(
    declared: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "MOST_BYTES", 10)
    client = Client(*[b"12345"] * 9)
    with pytest.raises(TooLarge):
        await read(scope(**declared), client.receive)
    assert client.asked == 3
    assert await read(scope(**declared), Client(b"12345", b"12345").receive) == b"1234512345"


async def test_a_body_is_given_again_and_then_what_comes() -> None:
    receive = again(b"abc", Client().receive)
    assert await receive() == {"type": "http.request", "body": b"abc", "more_body": False}
    assert await receive() == {"type": "http.disconnect"}


@pytest.mark.parametrize(
    ("method", "may"), [("GET", False), ("HEAD", False), ("OPTIONS", False), ("POST", True), ("DELETE", True)]
)
def test_some_methods_have_no_body(method: str, may: bool) -> None:
    assert has_body({"method": method}) == may


def nested(levels: int, kind: str = "list") -> bytes:
    """An object of so many levels in all."""
    inner = levels - 1
    return b'{"a":' + (b"[" * inner + b"]" * inner if kind == "list" else b'{"a":' * inner + b"1" + b"}" * inner) + b"}"


@pytest.mark.parametrize("kind", ["list", "object"])
@pytest.mark.parametrize("levels", [MOST_LEVELS + 1, 500, 10_000, 100_000])
def test_what_is_nested_too_deeply_is_refused(levels: int, kind: str) -> None:
    with pytest.raises(BadRequest, match=f"at most {MOST_LEVELS} levels"):
        parsed(scope(), nested(levels, kind))


@pytest.mark.parametrize("kind", ["list", "object"])
@pytest.mark.parametrize("levels", [2, MOST_LEVELS])
def test_what_is_nested_as_deeply_as_allowed_is_not(levels: int, kind: str) -> None:
    assert parsed(scope(), nested(levels, kind)) == json.loads(nested(levels, kind))


@pytest.mark.parametrize(
    "raw",
    [
        b"[1]",
        b'"text"',
        b"null",
        b"3",
        b"\xff",
        b'{"a": "\xff"}',
        '{"a": 1}'.encode("utf-16"),
        '{"a": 1}'.encode("utf-16-le"),
        b'{"a": ' + b"9" * 5000 + b"}",
    ],
)
def test_json_that_no_route_takes_names_the_body(raw: bytes) -> None:
    with pytest.raises(BadRequest) as refused:
        parsed(scope(content_type="application/json"), raw)
    assert refused.value.param == "body" and refused.value.message.startswith("body: ")


@pytest.mark.parametrize("raw", [b"", b"{", b"a=b", b"--x\r\n\r\n1\r\n--x--"])
def test_what_is_no_json_has_no_keys(raw: bytes) -> None:
    assert parsed(scope(), raw) == {}


def test_a_form_need_not_be_text() -> None:
    form = b"--x\r\n\r\n\xff\xfe\r\n--x--"
    assert parsed(scope(content_type="Multipart/Form-Data; boundary=x"), form) == {}
    with pytest.raises(BadRequest):
        parsed(scope(content_type="application/x-www-form-urlencoded"), form)


@pytest.mark.parametrize("raw", [rb'{"a": "\ud800"}', rb'{"\uDFFF": 1}', rb'{"a": ["\ude42\ud83d"]}'])
def test_half_a_character_is_refused_wherever_it_stands(raw: bytes) -> None:
    with pytest.raises(BadRequest, match="half of one"):
        parsed(scope(), raw)


@pytest.mark.parametrize("raw", [rb'{"a": "\ud83d\ude42"}', rb'{"a": "\\ud800"}', rb'{"a": "\u00e9"}'])
def test_whole_ones_are_not_however_they_are_written(raw: bytes) -> None:
    assert parsed(scope(), raw) == json.loads(raw)


def test_a_body_may_begin_with_a_byte_order_mark() -> None:
    assert parsed(scope(), b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=4))
def test_an_object_is_read_as_it_was_written(value: dict[str, Any]) -> None:
    assert parsed(scope(), json.dumps(value).encode()) == value


@given(st.binary(max_size=60))
def test_any_other_bytes_are_refused_or_have_no_keys(raw: bytes) -> None:
    try:
        assert isinstance(parsed(scope(), raw), dict)
    except BadRequest as refused:
        assert refused.param == "body"
