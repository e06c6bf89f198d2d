from benchmarks.errors import BenchError


def test_the_message_is_one_line() -> None:
    assert str(BenchError("--out:\n  no room")) == "--out: no room"
