"""What a test needs and a machine may lack."""

import os
from typing import NoReturn

import pytest


def missing(why: str) -> NoReturn:
    """Skip what asks for it, for this reason; in CI, which has everything, let it fail."""
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)
