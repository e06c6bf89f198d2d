from learning.errors import LearnError


def test_an_error_is_one_line() -> None:
    assert str(LearnError("a file", "is\nbroken")) == "a file: is broken"
