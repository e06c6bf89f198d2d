import pytest

from filters.scorer import ScorerLoadError
from filters.scorers.address import Address


def test_a_bare_address_has_one_category_for_whatever_is_detected() -> None:
    address = Address.read("http://hap:8000/")
    assert (address.base, address.detector_id, address.name) == ("http://hap:8000", "unsay", "remote")
    assert address.params == {"threshold": 0} and not address.is_mapped
    assert address.types.categories == ("toxicity",) and address.types.of("LABEL_1") == ("toxicity",)


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://[::1]:8443", "https://[::1]:8443"),
        ("http://gateway/hap/", "http://gateway/hap"),
        ("http://gateway/hap/api/v1/text/contents", "http://gateway/hap"),
    ],
)
def test_the_address_may_have_a_path(url: str, base: str) -> None:
    assert Address.read(url).base == base


def test_it_may_be_a_socket_of_this_machine() -> None:
    address = Address.read("unix:/run/unsay/scorer#toxicity=harm")
    assert (address.socket, address.base) == ("/run/unsay/scorer", "http://localhost")
    assert address.types.categories == ("harm",) and Address.read("http://hap").socket is None


def test_what_follows_the_hash_says_how_it_is_asked() -> None:
    address = Address.read(
        'http://hap#detector-id=hap-38m&detector-params={"regex":["email"]}&LABEL_1=toxicity&a%20b=insult&LABEL_0='
    )
    assert (address.base, address.detector_id, address.name) == ("http://hap", "hap-38m", "remote:hap-38m")
    assert address.params == {"regex": ["email"]} and address.is_mapped
    assert address.types.categories == ("toxicity", "insult")
    assert (address.types.of("a b"), address.types.of("LABEL_0")) == (("insult",), ())


@pytest.mark.parametrize(
    "url",
    [
        "unix:",
        "hap:8000",
        "ftp://hap",
        "http://",
        "http://hap:x",
        "http://hap:99999",
        "http://hap?key=1",
        "http://hap#LABEL_1",
        "http://hap#LABEL_0=",
        "http://hap#detector-id=a/b",
        "http://hap#detector-params=[1]",
        "http://hap#detector-params={",
    ],
)
def test_what_is_no_address_is_told(url: str) -> None:
    with pytest.raises(ScorerLoadError, match="expected"):
        Address.read(url)


@pytest.mark.parametrize("url", ["http://user:secret@hap", "user:secret@hap", "http://user:secret@hap:x"])
def test_a_password_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ScorerLoadError, match="without user, password") as caught:
        Address.read(url)
    assert "secret" not in str(caught.value)


def test_a_detector_that_names_itself_is_called_so_if_the_name_is_fit_for_reports() -> None:
    address = Address.read("http://hap")
    assert address.named("detoxify:original-small") == "remote:detoxify:original-small"
    assert address.named("/srv/models/x") == address.named("a\nb") == address.named("x" * 65) == "remote"
