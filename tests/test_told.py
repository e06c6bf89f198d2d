"""Who is told of answers: what the settings want, and nobody else."""

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from server.audit.file import AuditFile
from server.configuration import Settings
from server.errors import StartError
from server.generation.tracing import UNTRACED
from server.settings import BUNDLED_CLASSIFIER
from server.telemetry.pairs import PairFile
from server.telemetry.tracing import Tracer
from server.told import telling
from tests.audit.builders import Counted


async def test_by_default_nobody_is_told() -> None:
    async with AsyncExitStack() as closing:
        told = telling(Settings(), Counted(), closing)
        assert (told.pairs, told.records, told.tracing) == (None, None, UNTRACED)


async def test_what_is_wanted_is_open_until_the_end(tmp_path: Path) -> None:
    settings = Settings(audit_out=tmp_path / "audit", pairs_out=tmp_path / "pairs", otlp_endpoint="http://127.0.0.1:9")
    async with AsyncExitStack() as closing:
        told = telling(settings, Counted(), closing)
        assert isinstance(told.records, AuditFile) and isinstance(told.pairs, PairFile)
        assert isinstance(told.tracing, Tracer)
    lines = (tmp_path / "audit").read_bytes().splitlines()
    assert len(lines) == 2 and b'"kind": "end"' in lines[1]
    assert b'"gate": null' not in lines[0], f"the files of {BUNDLED_CLASSIFIER.name} have a hash"


async def test_what_cannot_be_is_one_line(tmp_path: Path) -> None:
    async with AsyncExitStack() as closing:
        for settings in (Settings(audit_out=tmp_path), Settings(otlp_endpoint="localhost")):
            with pytest.raises(StartError):
                telling(settings, Counted(), closing)
