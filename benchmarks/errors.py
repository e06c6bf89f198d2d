"""BenchError: the benchmark cannot go on; `str(error)` is one line that names the option and the remedy."""


class BenchError(Exception):
    """Ends the run with exit code 1."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))
