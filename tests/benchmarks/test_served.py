import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.served import serving

_READY = "from http.server import *\nHTTPServer(('127.0.0.1', int({port})), SimpleHTTPRequestHandler).serve_forever()"


def _server(port: int) -> list[str]:
    return [sys.executable, "-c", _READY.format(port=port)]


def test_the_server_is_ours_and_may_be_loosened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    commands: list[list[str]] = []
    popen = subprocess.Popen

    def start(command: list[str], **more: object) -> object:
        commands.append(command)
        return popen(_server(int(command[-1])), cwd=tmp_path, **more)  # type: ignore[call-overload]

    (tmp_path / "ready").write_text("yes")
    monkeypatch.setattr(subprocess, "Popen", start)
    with serving(tmp_path / "model", tmp_path / "classifier", 30) as base_url:
        assert base_url.endswith("/v1")
    words = commands[0]
    assert words[1:5] == ["-m", "server", "serve", str(tmp_path / "model")]
    assert "--allow-loosen" in words
    assert words[words.index("--detoxify") + 1] == str(tmp_path / "classifier")
