"""`unsay serve` with something wrong: it ends at once, with one line that says what, and where."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest


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


def test_a_broken_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "model.ckpt").write_bytes(b"not a checkpoint")
    status, lines = serve("--detoxify", str(tmp_path), "--port", "0")
    assert status == 1 and "model.ckpt" in lines[-1] and lines[-1].startswith("unsay: ")
    assert "Traceback" not in "\n".join(lines)


def test_an_unknown_flag() -> None:
    status, (line,) = serve("--no-such-flag")
    assert status == 1 and "--no-such-flag" in line


def test_a_taken_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        status, lines = serve("--host", "127.0.0.1", "--port", port)
    assert status == 1 and port in lines[-1] and "Traceback" not in "\n".join(lines)


def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")
    status, lines = serve(missing, "--port", "0")
    assert status == 1 and lines[-1].startswith(f"unsay: model {missing}: ")
    assert "Traceback" not in "\n".join(lines)
