"""`unsay serve` with something wrong: it ends at once, with one line that says what, and where."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from server import __main__
from server.errors import EngineDied


def serve(*words: str, **environment: str) -> tuple[int, list[str]]:
    """Exit status, and the lines on standard error that are not log records."""
    done = subprocess.run(
        [sys.executable, "-m", "server", "serve", *words],
        capture_output=True,
        text=True,
        timeout=90,
        env={**os.environ, **environment},
        check=False,
    )
    return done.returncode, [line for line in done.stderr.splitlines() if " info unsay." not in line]


def test_a_model_folder_that_is_not_there_is_told_before_anything_is_loaded() -> None:
    status, lines = serve("/no/such/folder")
    assert status == 1 and lines == [
        "unsay: model /no/such/folder: there is no such folder; name one, or a model on a hub (`unsay models`)"
    ]


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("default: a\npolicies: {}\n", "policies"),
        ("default: a\npolicies: {a: {stride: many}}\n", "policies.a.stride"),
        ("default: b\npolicies: {a: {}}\n", "default"),
        ("default: [", "not YAML"),
    ],
)
def test_a_broken_policy_file(tmp_path: Path, content: str, named: str) -> None:
    path = tmp_path / "policies.yaml"
    path.write_text(content)
    status, (line,) = serve("--policy-file", str(path))
    assert status == 1 and line.startswith("unsay: ") and str(path) in line and named in line


def test_the_rust_front_end() -> None:
    status, (line,) = serve(VLLM_USE_RUST_FRONTEND="1")
    assert status == 1 and "VLLM_USE_RUST_FRONTEND" in line


def test_a_file_of_pairs_that_others_may_read(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.touch(0o644)
    path.chmod(0o644)
    status, (line,) = serve("--pairs-out", str(path))
    assert status == 1 and line.startswith("unsay: --pairs-out: ") and "chmod 600" in line


def test_an_installation_without_a_part_of_the_plugin() -> None:
    """As vLLM finds it where unsay was installed before it had one, or where a part does not load."""
    hidden = """
import importlib.metadata as metadata, sys
found = metadata.entry_points
metadata.entry_points = lambda **chosen: metadata.EntryPoints(
    point for point in found(**chosen) if (point.group, point.name) != ("vllm.general_plugins", "unsay")
) if chosen else found()
from server.__main__ import run
sys.exit(run(["serve", "mini", "--port", "0"]))
"""
    done = subprocess.run([sys.executable, "-c", hidden], capture_output=True, text=True, timeout=90, check=False)
    *others, line = done.stderr.splitlines()
    assert done.returncode == 1 and line.startswith("unsay: vLLM ") and "install unsay again" in line, done.stderr
    assert not [line for line in others if " info unsay." not in line]


def test_a_broken_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "model.ckpt").write_bytes(b"not a checkpoint")
    status, lines = serve("mini", "--detoxify", str(tmp_path), "--port", "0")
    assert status == 1 and "model.ckpt" in lines[-1] and lines[-1].startswith("unsay: ")
    assert "Traceback" not in "\n".join(lines)


def test_a_scorer_that_is_not_there() -> None:
    status, lines = serve("--scorer", "words", "--port", "0")
    assert status == 1 and lines[-1].startswith("unsay: scorer words: expected detoxify:NAME|PATH, remote:URL, entry:")
    assert "Traceback" not in "\n".join(lines)


def test_an_engine_that_died(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def died(words: object) -> None:
        raise EngineDied

    monkeypatch.setattr(__main__, "_serve", died)
    assert __main__.run(["serve"]) == 1
    assert capsys.readouterr().err.startswith("unsay: the engine has died")


def test_an_unknown_flag() -> None:
    status, (line,) = serve("mini", "--no-such-flag")
    assert status == 1 and "--no-such-flag" in line


def test_a_taken_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        status, lines = serve("mini", "--host", "127.0.0.1", "--port", port)
    assert status == 1 and port in lines[-1] and "Traceback" not in "\n".join(lines)


def test_a_scorer_on_a_gpu_that_is_not_there() -> None:
    status, lines = serve("mini", "--scorer-device", "cuda:99", "--port", "0")
    assert status == 1 and lines[-1].startswith("unsay: scorer device cuda:99: expected a GPU")


def test_models_are_listed_and_converted_where_the_operator_says(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    command = [sys.executable, "-m", "server", "models"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "UNSAY_CACHE": str(tmp_path)})
    assert done.returncode == 0 and f"{tmp_path}/smollm2-135m-instruct" in done.stdout
    elsewhere = {**os.environ, "UNSAY_CACHE": str(tmp_path / "file" / "cache")}
    done = subprocess.run([*command, "--convert"], capture_output=True, text=True, env=elsewhere)
    assert done.returncode == 1 and done.stderr.splitlines()[-1].startswith("unsay: ")
