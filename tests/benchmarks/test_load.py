import pytest

from benchmarks.errors import BenchError
from benchmarks.load import PROMPTS, arrivals, bodies, closed, opened
from tests.benchmarks.streaming import streaming


def test_the_requests_of_a_round_differ_in_prompt_and_seed() -> None:
    found = bodies("m", 10, 4, seed=5)
    assert [body["seed"] for body in found] == list(range(5, 15))
    assert [body["prompt"] for body in found] == [*PROMPTS, *PROMPTS[:2]]
    assert {(body["max_tokens"], body["ignore_eos"], body["stream"]) for body in found} == {(4, True, True)}


def test_without_a_seed_requests_have_none() -> None:
    assert all("seed" not in body for body in bodies("m", 3, 4, None))


def test_more_is_laid_over_each_request() -> None:
    (body,) = bodies("m", 1, 4, 0, {"detox": {"mode": "off"}, "max_tokens": 9})
    assert (body["detox"], body["max_tokens"]) == ({"mode": "off"}, 9)


@pytest.mark.parametrize("streams", [1, 3])
async def test_a_closed_loop_keeps_so_many_streams_busy(streams: int) -> None:
    async with streaming() as fake:
        answers = await closed(f"{fake.url}/v1/completions", bodies("m", 7, 3, 0), streams, 10)
        assert [answer.tokens for answer in answers] == [3] * 7
    assert fake.most_at_once == streams
    assert sorted(body["seed"] for body in fake.asked) == list(range(7))


async def test_an_open_loop_asks_when_it_is_time() -> None:
    async with streaming() as fake:
        answers = await opened(f"{fake.url}/v1/completions", bodies("m", 3, 30, 0), [0.0, 0.0, 0.1], 10)
    assert 0.08 < answers[2].asked - answers[0].asked < 1.0
    assert fake.most_at_once >= 2


async def test_one_error_ends_the_round() -> None:
    async with streaming() as fake:
        fake.broken = True
        with pytest.raises(BenchError, match="answered 503"):
            await closed(f"{fake.url}/v1/completions", bodies("m", 4, 3, 0), 2, 10)


def test_arrivals_come_at_the_rate_and_the_same_for_a_seed() -> None:
    times = arrivals(4000, 5.0, seed=1)
    assert times[0] == 0.0 and times == sorted(times)
    assert 4000 / times[-1] == pytest.approx(5.0, rel=0.1)
    assert arrivals(4000, 5.0, seed=1) == times != arrivals(4000, 5.0, seed=2)
