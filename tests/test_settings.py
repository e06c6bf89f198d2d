"""The command line that is ours, and what is read from and set in the environment."""

import os
from pathlib import Path

import pytest

from server.errors import StartError
from server.settings import (
    BUNDLED_CLASSIFIER,
    BUNDLED_SCREEN,
    bind_threads,
    cache_folder,
    parse,
    parser,
    prepare_environment,
)


def test_everything_has_a_default() -> None:
    settings = parse(["serve"])
    assert (settings.policy_file, settings.scorer) == (None, f"detoxify:{BUNDLED_CLASSIFIER}")
    assert not settings.allow_loosen and not settings.allow_dev_mode
    assert settings.pairs_out is None and settings.rest == ()


def test_the_bundled_screen_is_for_the_bundled_classifier_alone() -> None:
    assert parse(["serve"]).screen == BUNDLED_SCREEN
    assert parse(["serve", "--detoxify", "original"]).screen is None
    assert parse(["serve", "--screen", "none"]).screen is None
    assert parse(["serve", "--detoxify", "x", "--screen", "y"]).screen == Path("y")


def test_detoxify_is_the_short_form_of_a_scorers_name() -> None:
    assert parse(["serve", "--detoxify", "unbiased"]).scorer == "detoxify:unbiased"
    assert parse(["serve", "--scorer", "remote:http://hap#LABEL_1=insult"]).scorer == "remote:http://hap#LABEL_1=insult"
    bundled = parse(["serve", "--scorer", f"detoxify:{BUNDLED_CLASSIFIER}"])
    assert bundled == parse(["serve", "--detoxify", str(BUNDLED_CLASSIFIER)]) == parse(["serve"])
    assert parse(["serve", "--scorer", "words"]).screen is None


def test_what_is_not_ours_is_passed_on_in_order() -> None:
    words = ["serve", "a/model", "--policy-file", "p.yaml", "--port", "8001", "--api-key", "k"]
    settings = parse(words)
    assert settings.policy_file == Path("p.yaml")
    assert settings.rest == ("a/model", "--port", "8001", "--api-key", "k")


def test_a_prefix_of_our_flags_is_not_taken_for_one() -> None:
    assert parse(["serve", "--policy", "x"]).rest == ("--policy", "x")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ([], "COMMAND"),
        (["nosuch"], "nosuch"),
        (["serve", "--scorer", "words", "--detoxify", "original"], "--detoxify: not allowed with argument --scorer"),
        (["serve", "--scorer-batch", "0"], "--scorer-batch"),
        (["serve", "--scorer-queue", "many"], "--scorer-queue"),
        (["serve", "--scorer-deadline", "nan"], "--scorer-deadline"),
        (["serve", "--scorer-deadline", "-1"], "--scorer-deadline"),
        (["serve", "--unsay-log-level", "loud"], "--unsay-log-level"),
    ],
)
def test_a_wrong_word_ends_the_program_and_is_named(
    words: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(words)
    assert ended.value.code == 2
    assert named in capsys.readouterr().err.splitlines()[-1]


def test_the_commands_are_those_of_the_server() -> None:
    told = parser().format_help()
    assert "serve" in told and "models" in told and "eval" not in told


def test_the_help_says_what_is_in_the_file_of_pairs(capsys: pytest.CaptureFixture[str]) -> None:
    assert parse(["serve", "--pairs-out", "pairs.jsonl"]).pairs_out == Path("pairs.jsonl")
    with pytest.raises(SystemExit):
        parse(["serve", "--help"])
    help_text = " ".join(capsys.readouterr().out.split())
    assert "--pairs-out FILE" in help_text and "flagged text and prompts" in help_text


@pytest.mark.parametrize("value", ["1", "true"])
def test_the_rust_front_end_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_USE_RUST_FRONTEND", value)
    with pytest.raises(StartError, match="VLLM_USE_RUST_FRONTEND"):
        prepare_environment()


QUIET = "VLLM_LOGGING_LEVEL VLLM_LOGGING_CONFIG_PATH VLLM_CONFIGURE_LOGGING PYTHONWARNINGS TORCH_LOGS".split()


def test_harmless_warnings_are_hidden_unless_the_operator_set_up_logging(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in QUIET:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    prepare_environment()
    assert Path(os.environ["VLLM_LOGGING_CONFIG_PATH"]).is_file()
    assert os.environ["VLLM_LOGGING_LEVEL"] == "WARNING"
    monkeypatch.delenv("VLLM_LOGGING_CONFIG_PATH")
    monkeypatch.setenv("VLLM_LOGGING_LEVEL", "DEBUG")
    prepare_environment()
    assert "VLLM_LOGGING_CONFIG_PATH" not in os.environ


@pytest.mark.parametrize("value", ["", "0"])
def test_without_it_the_environment_is_prepared(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_USE_RUST_FRONTEND", value)
    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "4")
    monkeypatch.setenv("VLLM_LOGGING_LEVEL", "INFO")
    monkeypatch.delenv("VLLM_NO_USAGE_STATS", raising=False)
    prepare_environment()
    assert os.environ["VLLM_NO_USAGE_STATS"] == "1"
    assert os.environ["VLLM_LOGGING_LEVEL"] == "INFO", "the operator's word stays"
    assert "VLLM_CPU_KVCACHE_SPACE" not in os.environ
    monkeypatch.delenv("VLLM_NO_USAGE_STATS")


BIND = "VLLM_CPU_OMP_THREADS_BIND"


def test_cores_are_set_unless_the_operator_has_said_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BIND, "nobind")
    assert bind_threads("0,1") == os.environ[BIND] == "nobind"
    monkeypatch.delenv(BIND)
    assert bind_threads(None) == "auto" and BIND not in os.environ
    monkeypatch.setenv("VLLM_CPU_NUM_OF_RESERVED_CPU", "1")
    assert bind_threads("0,1") == "auto" and BIND not in os.environ
    monkeypatch.delenv("VLLM_CPU_NUM_OF_RESERVED_CPU")
    assert bind_threads("0,1") == os.environ[BIND] == "0,1"
    monkeypatch.delenv(BIND)


def test_converted_models_lie_where_the_operator_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNSAY_CACHE", "/srv/models")
    monkeypatch.setenv("XDG_CACHE_HOME", "/home/me/.cache")
    assert cache_folder() == Path("/srv/models")
    monkeypatch.delenv("UNSAY_CACHE")
    assert cache_folder() == Path("/home/me/.cache/unsay")
