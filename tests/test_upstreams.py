"""Where upstreams are, their key, and what of both a log must not hold."""

import httpx
import pytest
from prometheus_client import CollectorRegistry
from tokenizers import Tokenizer

from server.app import engine_arguments
from server.configuration import parse
from server.errors import StartError
from server.settings import BUNDLED_MODEL
from server.telemetry import logs
from server.telemetry.metrics import Metrics
from server.upstreams import KEY, addresses, guarding, key
from tests.contract.rigs import SCRIPTED


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


async def test_upstreams_are_met_before_anybody_is_served_and_closed_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from server.engine.upstream import link
    from tests.engine.upstream.scripted import Network, Upstream

    monkeypatch.setattr("server.telemetry.metrics.Metrics", lambda: Metrics(CollectorRegistry()))
    monkeypatch.setattr(logs, "configure", lambda level, format_: None)  # the test run's logging stays as it is
    network, made = Network(a=Upstream()), list[httpx.AsyncClient]()
    client_of = link.http_client

    def scripted(key: str | None) -> httpx.AsyncClient:
        assert key == "sesame"
        made.append(client_of(key, network))
        return made[0]

    monkeypatch.setattr(link, "http_client", scripted)
    monkeypatch.setenv(KEY, "sesame")
    start = parse(["serve", "mini", "--scorer", SCRIPTED, "--upstream", "http://a/"])
    args = engine_arguments(start)
    with pytest.raises(StartError, match="http://a: its tokenizer is not that of unsay-mini"):
        await guarding(args).__aenter__()
    tokenizer = Tokenizer.from_file(str(BUNDLED_MODEL / "tokenizer.json"))
    network.upstreams["a"].tokenize = lambda text: tokenizer.encode(text, add_special_tokens=False).ids
    made.clear()
    async with guarding(args) as served:
        assert served.inner.answering and not served.exact and not served.spells
        await served.closing.aclose()
    assert made[0].is_closed
