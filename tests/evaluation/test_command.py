from pathlib import Path

import pytest

from evaluation import command
from evaluation.command import main, parser, read
from evaluation.errors import EvaluationError
from evaluation.settings import Settings
from tests.evaluation.builders import prompts_file
from tests.evaluation.fake import Fake


def _words(fake: Fake, folder: Path, *more: str) -> list[str]:
    prompts = str(prompts_file(folder))
    return ["--base-url", fake.url, "--prompts", prompts, "--out", str(folder / "out"), "--n", "3", *more]


def _read(*words: str) -> Settings:
    return read(parser().parse_args(["--prompts", "p", "--out", "o", *words]))


def test_a_run_ends_with_0_and_a_table(fake: Fake, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(_words(fake, tmp_path, "--judge", "entry:tests.evaluation.fake:judge")) == 0
    out, err = capsys.readouterr()
    assert out.startswith("| set | mode |")
    assert "generating: 24/24" in err
    assert "report.html" in err


def test_a_failure_ends_with_1_and_a_line_with_the_remedy(
    fake: Fake, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.may_loosen = False
    assert main(_words(fake, tmp_path)) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("unsay eval: --modes off, set mild")
    assert "unsay serve --allow-loosen" in last


def test_an_interruption_ends_with_130_and_says_how_to_go_on(
    fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(_settings: Settings) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "evaluate", interrupt)
    assert main(_words(fake, tmp_path)) == 130
    assert "the same command goes on from there" in capsys.readouterr().err


def test_the_protocol_is_the_default() -> None:
    found = _read()
    assert (found.n, found.per_request, found.max_tokens, found.temperature, found.top_p) == (25, 25, 20, 1.0, 0.9)
    assert (found.modes, found.base_url) == (("off", "enforce"), "http://localhost:8000/v1")
    assert (found.timeout_seconds, found.retries, found.concurrency, found.device) == (600.0, 5, 8, "cpu")
    assert (found.judge, found.perplexity, found.pairs_out, found.api_key) == (None, None, None, None)


def test_prompts_may_be_given_again() -> None:
    assert _read("--prompts", "q").prompts == [Path("p"), Path("q")]


def test_no_more_samples_are_asked_for_at_once_than_there_are() -> None:
    assert _read("--n", "4", "--per-request", "9").per_request == 4
    assert _read("--n", "4", "--per-request", "2").per_request == 2


def test_a_slash_at_the_end_of_an_address_makes_no_other_server() -> None:
    assert _read("--base-url", "http://u/v1/").base_url == "http://u/v1"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--n", "0"], "argument --n: expected a whole number of at least 1, found 0"),
        (["--modes", "off,of"], "argument --modes: expected some of enforce, monitor, off, plain"),
        (["--modes", "off,off"], "argument --modes: expected some of"),
        (["--top-p", "1.1"], "argument --top-p: expected a number from 0 to 1, found 1.1"),
        (["--temperature", "hot"], "argument --temperature: expected a number from 0 to 2, found hot"),
        (["--timeout", "0"], "argument --timeout: expected a number above 0"),
        (["--retries", "-1"], "argument --retries: expected a whole number of at least 0"),
        (["--nonsense"], "unrecognized arguments: --nonsense"),
    ],
)
def test_a_wrong_word_ends_with_2_and_says_what_was_expected(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--prompts", "p", "--out", "o", *words])
    assert ended.value.code == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_a_policy_says_nothing_to_a_plain_server() -> None:
    assert _read("--policy", "strict").policy == "strict"
    with pytest.raises(EvaluationError, match="--policy: says nothing in mode plain"):
        _read("--policy", "strict", "--modes", "plain")


@pytest.mark.parametrize(
    "words", [[], ["--judge", "entry:a:b", "--modes", "off"], ["--judge", "entry:a:b", "--modes", "enforce"]]
)
def test_pairs_need_a_judge_and_both_modes(words: list[str]) -> None:
    with pytest.raises(EvaluationError, match="--pairs-out: needs --judge, and --modes with off"):
        _read("--pairs-out", "x", *words)


def test_keys_come_from_files(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("secret\n")
    assert _read("--api-key-file", str(path)).api_key == "secret"
    assert _read("--judge-key-file", str(path), "--judge", "moderations:http://u").judge_key == "secret"
    with pytest.raises(EvaluationError, match="--judge-key-file: is for --judge moderations:URL"):
        _read("--judge-key-file", str(path))


@pytest.mark.parametrize(
    ("content", "message"), [(b"", "one line with a key"), (b"\xff", "cannot be read"), (b"a b", "one")]
)
def test_a_file_without_a_key_is_named(
    tmp_path: Path, content: bytes, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(SystemExit):
        _read("--api-key-file", str(path))
    said = " ".join(capsys.readouterr().err.split())
    assert f"argument --api-key-file: {path}" in said and message in said


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    assert "unsay eval --prompts rtp.jsonl.gz" in capsys.readouterr().out
