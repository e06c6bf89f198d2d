"""Whether a server takes more and more: told from noise, and from what fills up once."""

from tests.live.wear import SAMPLES_FOR_A_SLOPE, Sample, grown, page, wrongs


def samples(growth: float, *, count: int = 20, first: float = 0.0) -> list[Sample]:
    """An hour of samples; `growth` an hour, after what the first half has filled up."""
    return [
        Sample(
            3600 * at / count, at, 500 + min(at, count / 2) * first + growth * at / count, 300, 80 + at % 2, 9, 4, 0.1
        )
        for at in range(count)
    ]


def test_what_grows_without_end_is_named() -> None:
    (wrong,) = wrongs(samples(500), minutes=60)
    assert wrong == "server_mb grows by 500 in an hour, more than 120"


def test_noise_and_what_fills_up_once_are_no_growth() -> None:
    assert wrongs(samples(20, first=30), minutes=60) == []


def test_too_few_samples_have_no_slope() -> None:
    assert grown(samples(500, count=SAMPLES_FOR_A_SLOPE - 2)) == {}


def test_the_page_has_a_row_each_and_the_growth_of_an_hour() -> None:
    lines = page(samples(500)).splitlines()
    assert len(lines) == 2 + 20 + 1 and "+500.0 an hour" in lines[-1]
