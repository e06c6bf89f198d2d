"""The errors of learning."""


class LearnError(Exception):
    """Nothing can be learned like this: `str(error)` is one line that says where, what was found and the remedy."""

    def __init__(self, where: object, problem: str) -> None:
        super().__init__(" ".join(f"{where}: {problem}".split()))
