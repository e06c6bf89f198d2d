from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import anyio
import pytest

from evaluation.client import Completion, Server, refusal
from evaluation.errors import EvaluationError
from tests.evaluation.fake import MODEL, Fake

T = TypeVar("T")
BODY = {"model": MODEL, "prompt": "x", "n": 2, "seed": 1, "detox": {"mode": "off"}}


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that openai's client waits before it tries again, in no time."""
    seconds: list[float] = []

    async def nap(asked: float) -> None:
        seconds.append(asked)

    monkeypatch.setattr(anyio, "sleep", nap)
    return seconds


async def _do(url: str, what: Callable[[Server], Awaitable[T]], **options: Any) -> T:
    async with Server(url, timeout_seconds=5, **options) as server:
        return await what(server)


async def _complete(url: str, **options: Any) -> Completion:
    return await _do(url, lambda server: server.complete(BODY, "prompt 7"), **options)


async def test_an_answer_has_its_samples_in_order_and_its_seconds(fake: Fake) -> None:
    found = await _complete(fake.url)
    assert [choice.text for choice in found.choices] == [" a quiet day by the river 1", " a quiet day by the river 2"]
    assert [choice.report and choice.report["action"] for choice in found.choices] == ["unguarded"] * 2
    assert found.tokens == 12
    assert 0 < found.seconds < 5


async def test_the_server_says_what_it_is(fake: Fake) -> None:
    assert await _do(fake.url + "/", lambda server: server.first_model()) == MODEL
    assert await _do(fake.url, lambda server: server.policies()) == fake.policies
    assert await _do(fake.url, lambda server: server.gate_scores(["ab"])) == [{"toxicity": 0.002, "insult": 0.01}]


async def test_a_server_of_another_kind_has_no_policies(fake: Fake) -> None:
    fake.unsay = False
    assert await _do(fake.url, lambda server: server.policies()) is None


async def test_what_may_pass_is_tried_again_when_the_server_says(fake: Fake, naps: list[float]) -> None:
    fake.failures = [503, 429]
    assert len((await _complete(fake.url, retries=2)).choices) == 2
    assert naps == [1.0, 1.0]


async def test_a_server_that_is_not_ready_is_waited_for_before_it_says_what_it_is(
    fake: Fake, naps: list[float]
) -> None:
    fake.failures = [503]
    assert await _do(fake.url, lambda server: server.policies()) == fake.policies
    fake.failures = [503]
    assert await _do(fake.url, lambda server: server.gate_scores(["ab"])) == [{"toxicity": 0.002, "insult": 0.01}]
    assert naps == [1.0, 1.0]


@pytest.mark.usefixtures("naps")
@pytest.mark.parametrize("ask", [lambda server: server.policies(), lambda server: server.gate_scores(["ab"])])
async def test_a_server_that_does_not_get_ready_is_not_taken_for_another_kind(
    fake: Fake, ask: Callable[[Server], Awaitable[Any]]
) -> None:
    fake.failures = [503] * 9
    with pytest.raises(EvaluationError, match=r"a question for its .* answered 503 \(busy\), more often than"):
        await _do(fake.url, ask, retries=1)
    assert len(fake.failures) == 7


@pytest.mark.usefixtures("naps")
async def test_patience_ends(fake: Fake) -> None:
    fake.failures = [503] * 9
    with pytest.raises(EvaluationError, match=r"prompt 7: .* answered 503 \(busy\), more often than --retries allows"):
        await _complete(fake.url, retries=2)
    assert len(fake.failures) == 6


async def test_a_server_that_is_not_there_is_named_after_every_attempt(naps: list[float]) -> None:
    with pytest.raises(
        EvaluationError, match=r"--base-url: no answer from http://127.0.0.1:9/v1/completions in 3 attempts"
    ):
        await _complete("http://127.0.0.1:9/v1", retries=2)
    assert len(naps) == 2 and 0 < naps[0] < naps[1] <= 1


async def test_unguarded_text_without_the_right_names_the_remedy(fake: Fake, naps: list[float]) -> None:
    fake.may_loosen = False
    with pytest.raises(EvaluationError, match=r"looser than.*unsay serve --allow-loosen.*--api-key-file.*--modes"):
        await _complete(fake.url)
    assert naps == []


async def test_the_key_is_sent_and_a_wrong_one_names_its_option(fake: Fake) -> None:
    fake.key = "secret"
    assert await _complete(fake.url, key="secret")
    with pytest.raises(EvaluationError, match=r"401 \(no such key\). Give the server's key with --api-key-file"):
        await _complete(fake.url, key="other")


async def test_the_key_of_another_server_is_not_sent(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    fake.key = "secret"
    with pytest.raises(EvaluationError, match="401"):
        await _complete(fake.url)


@pytest.mark.parametrize("wrong", [{"choices": None}, {"choices": [{"index": 0}]}, {"usage": {}}, {"usage": None}])
async def test_an_answer_of_another_shape_is_refused(fake: Fake, wrong: dict[str, Any]) -> None:
    fake.wrong = wrong
    with pytest.raises(EvaluationError, match="does not answer as OpenAI's completions do"):
        await _complete(fake.url)


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://localhost/v1", "http://[::1"])
async def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(EvaluationError, match=r"--base-url .*expected one like http://localhost:8000/v1"):
        await _complete(url)


async def test_a_wrong_path_asks_for_v1(fake: Fake) -> None:
    with pytest.raises(EvaluationError, match="Does --base-url end in /v1"):
        await _do(fake.url.removesuffix("/v1"), lambda server: server.first_model())


def test_any_other_refusal_says_what_the_server_said() -> None:
    assert refusal(400, "U", "too long", "prompt 7") == "prompt 7: U answered 400 (too long)"
