"""Where upstreams are, their key, and what of both a log must not hold."""

import pytest

from server.errors import StartError
from server.upstreams import KEY, addresses, key


def test_addresses_lose_the_slash_at_their_ends() -> None:
    urls = ("http://one:8000/", "https://two/path", "http://[::1]:8000")
    assert addresses(urls) == ("http://one:8000", "https://two/path", "http://[::1]:8000")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "one:8000",
        "ftp://one",
        "http://",
        "http://one:0",
        "http://one:x",
        "http://one?a=b",
        "http://one#a",
        "http://[",
        "http://o ne",
    ],
)
def test_what_is_none_is_refused_in_one_line(url: str) -> None:
    with pytest.raises(StartError, match="expected http://HOST") as refused:
        addresses([url])
    assert url in str(refused.value)


def test_a_password_is_not_repeated() -> None:
    with pytest.raises(StartError) as refused:
        addresses(["http://user:secret@one"])
    assert "secret" not in str(refused.value) and "expected http://HOST" in str(refused.value)


def test_an_upstream_is_named_once() -> None:
    with pytest.raises(StartError, match="http://one: named twice"):
        addresses(["http://one", "http://one/"])


def test_the_key_is_the_environments() -> None:
    assert key({KEY: "sesame"}) == "sesame" and key({}) is None and key({KEY: ""}) is None


@pytest.mark.parametrize("wrong", ["open sesame", "sesame\n", "sésame"])
def test_a_key_that_cannot_be_sent_is_refused_and_not_repeated(wrong: str) -> None:
    with pytest.raises(StartError, match=KEY) as refused:
        key({KEY: wrong})
    assert "same" not in str(refused.value)
