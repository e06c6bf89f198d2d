"""Where the scripts report their progress."""

import sys


def say(line: str) -> None:
    """Write a line at once, so that it is seen when it happens."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
