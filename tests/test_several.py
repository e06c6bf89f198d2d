"""What the process that starts several API servers does before: refuse, and share a scorer."""

from pathlib import Path
from typing import ClassVar

import pytest

from server import several
from server.configuration import Settings
from server.errors import StartError
from server.keys.key import digest
from server.several import asking, refuse, refuse_alone, share
from server.telemetry import logs
from tests.test_sharing import BUNDLED

USERS = "requests_per_minute: 9, each_user: {tokens_per_minute: 1}"


class Shared:
    """In place of a process."""

    made: ClassVar[list[dict[str, str]]] = []
    url = "unix:/there"

    def __init__(self, environment: dict[str, str]) -> None:
        self.made.append(environment)

    def start(self) -> None:
        self.made[-1]["started"] = "yes"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Where the servers are told that the shared scorer is."""
    urls: list[str] = []
    Shared.made.clear()
    monkeypatch.setattr(several, "SharedScorer", Shared)
    monkeypatch.setattr(several, "share_scorer", urls.append)
    monkeypatch.setattr(logs, "configure", lambda level, log_format: None)
    return urls


def test_a_shared_scorer_is_started_with_its_settings(told: list[str], caplog: pytest.LogCaptureFixture) -> None:
    settings = Settings(scorer=BUNDLED, scorer_batch=3, scorer_process="shared", grace_seconds=10)
    with caplog.at_level("INFO", "unsay.several"):
        assert share(settings, 2) == 16
    (environment,) = Shared.made
    assert (environment["UNSAY_SCORER"], environment["UNSAY_SCORER_BATCH"]) == (BUNDLED, "3")
    assert environment["started"] == "yes" and told == ["unix:/there"]
    (line,) = caplog.records
    assert line.getMessage() == "one scorer for all API servers" and line.__dict__["servers"] == 2


def test_where_each_has_its_own_nothing_is_started(told: list[str], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "unsay.several"):
        share(Settings(scorer=BUNDLED, scorer_process="own"), 2)
    assert Shared.made == [] and told == []
    assert [line.getMessage() for line in caplog.records] == ["a scorer in each API server"]


def keys(folder: Path, more: str = "") -> Path:
    path = folder / "keys.yaml"
    path.write_text(f"keys: {{app: {{hash: {digest('a').hex()}{more}}}}}")
    return path


@pytest.mark.parametrize(
    "limit",
    ["requests_per_minute: 9", "tokens_per_minute: 9", USERS],
)
def test_limits_that_would_hold_several_times_over_are_refused(limit: str, tmp_path: Path) -> None:
    settings = Settings(keys_file=keys(tmp_path, f", {limit}"))
    with pytest.raises(StartError, match=r"keys\.app: each of 3 API servers would count .*rate_limits_url"):
        refuse(settings, 3)
    refuse(settings.model_copy(update={"rate_limits_url": "redis://host"}), 3)


def test_keys_without_such_limits_are_taken(tmp_path: Path) -> None:
    refuse(Settings(keys_file=keys(tmp_path)), 3)
    refuse(Settings(keys_file=keys(tmp_path, ", concurrency: 2")), 3)


@pytest.mark.parametrize("key", ["pairs_out", "audit_out"])
def test_one_file_for_several_to_write_to_is_refused(key: str, tmp_path: Path) -> None:
    with pytest.raises(StartError, match=f"{key}: 2 API servers would write to"):
        refuse(Settings.model_validate({key: tmp_path / "lines"}), 2)


def test_a_server_asks_the_scorer_that_is_shared_whatever_is_said_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(scorer=BUNDLED, scorer_device="cuda", scorer_threads=4, scorer_batch=5)
    assert asking(settings) is settings
    monkeypatch.setenv("_UNSAY_SHARED_SCORER", "unix:/there")
    asked = asking(settings)
    assert (asked.scorer, asked.screen, asked.scorer_device) == ("remote:unix:/there", None, "cpu")
    assert (asked.scorer_threads, asked.scorer_batch) == (1, 5)


def test_one_alone_shares_nothing() -> None:
    refuse_alone(Settings())
    with pytest.raises(StartError, match="scorer_process: there is one API server"):
        refuse_alone(Settings(scorer_process="shared"))


def test_with_what_is_learned_each_server_has_its_own_scorer(told: list[str]) -> None:
    share(Settings(scorer=BUNDLED, scorer_process="auto", learned=Path("/learned")), 2)
    assert Shared.made == [] and told == []
    with pytest.raises(StartError, match="scorer_process: with learned each server has a scorer of its own"):
        share(Settings(scorer=BUNDLED, scorer_process="shared", learned=Path("/learned")), 2)
