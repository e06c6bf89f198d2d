from evaluation.errors import EvaluationError


def test_a_message_is_one_line() -> None:
    assert str(EvaluationError("--out: is\n  full")) == "--out: is full"
