"""The server that the evaluation is tried against."""

from collections.abc import Iterator

import pytest

from tests.evaluation.fake import Fake, serving


@pytest.fixture
def fake() -> Iterator[Fake]:
    """Listening, and set as a test wants it."""
    with serving() as server:
        yield server
