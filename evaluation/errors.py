"""EvaluationError: the evaluation cannot go on; `str(error)` is one line that names the option and the remedy."""


class EvaluationError(Exception):
    """Ends the run with exit code 1. What was written stays, and the same command goes on from there."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))
