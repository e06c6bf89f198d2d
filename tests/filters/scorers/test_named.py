import pytest

from filters.scorer import ScorerLoadError
from filters.scorers.named import imported, split

FORMS = ("file:PATH", "web:URL")


def test_a_kind_is_what_stands_before_the_first_colon() -> None:
    assert split("web:http://host:1", FORMS) == ("web", "http://host:1")


@pytest.mark.parametrize("spec", ["web", "web:", ":x", "", "other:x", "WEB:x"])
def test_all_forms_are_told_where_none_fits(spec: str) -> None:
    with pytest.raises(ScorerLoadError) as caught:
        split(spec, FORMS)
    assert str(caught.value) == f"scorer {spec}: expected file:PATH or web:URL".replace("  ", " ")
    with pytest.raises(ScorerLoadError, match="expected file:PATH, web:URL or a name"):
        split(spec, FORMS, otherwise="a name")


def test_a_function_is_imported() -> None:
    assert imported("x", "tests.contract.rigs:scripted").__name__ == "scripted"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("no.such:f", "No module named 'no'; expected MODULE:FUNCTION"),
        ("tests.contract.rigs:nobody", "no attribute 'nobody'; expected MODULE:FUNCTION"),
        (":f", "expected MODULE:FUNCTION"),
        ("tests.contract.rigs", "expected MODULE:FUNCTION"),
        ("tests.filters.scorers.breaking:f", "broken on purpose; expected MODULE:FUNCTION"),
        ("tests.contract.rigs:ROOT", "is not a function"),
    ],
)
def test_what_is_no_function_is_told(entry: str, message: str) -> None:
    with pytest.raises(ScorerLoadError, match=message) as caught:
        imported("entry:e", entry)
    assert caught.value.path_or_name == "entry:e"
