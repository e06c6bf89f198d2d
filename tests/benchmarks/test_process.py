import socket
import sys

import httpx
import pytest

from benchmarks.process import ServerFailed, reserved_port, running

_READY = "from http.server import *\nHTTPServer(('127.0.0.1', int({port})), SimpleHTTPRequestHandler).serve_forever()"

_MORTAL = """
import http.server, os
class Mortal(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/end":
            print("out of memory", flush=True)
            os._exit(3)
        super().do_GET()
http.server.HTTPServer(("127.0.0.1", {port}), Mortal).serve_forever()
"""


def _server(port: int) -> list[str]:
    return [sys.executable, "-c", _READY.format(port=port)]


def test_a_server_runs_as_long_as_the_block() -> None:
    with reserved_port() as port:
        url = f"http://127.0.0.1:{port}/"
        with running(_server(port), url, 30):
            assert httpx.get(url, trust_env=False).status_code == 200
        with pytest.raises(httpx.ConnectError):
            httpx.get(url, trust_env=False)


def test_a_server_that_ends_says_why() -> None:
    command = [sys.executable, "-c", "raise SystemExit('no such model')"]
    with pytest.raises(ServerFailed, match="status 1: no such model"), running(command, "http://127.0.0.1:9/", 30):
        raise AssertionError("it was never ready")


def test_a_server_that_ends_while_it_is_used_says_why_too() -> None:
    with reserved_port() as port:
        url = f"http://127.0.0.1:{port}/"
        command = [sys.executable, "-c", _MORTAL.format(port=port)]
        with pytest.raises(ServerFailed, match=r"(?s)status 3: .*out of memory"), running(command, url, 30):
            httpx.get(url + "end", trust_env=False)


def test_a_reserved_port_is_for_a_server_and_not_for_connections() -> None:
    with reserved_port() as port:
        with socket.socket() as connecting, pytest.raises(OSError, match="in use"):
            connecting.bind(("127.0.0.1", port))
        with socket.create_server(("127.0.0.1", port)) as server:
            assert server.getsockname()[1] == port


def test_a_server_that_is_never_ready_is_stopped() -> None:
    command = [sys.executable, "-c", "import time; print('loading', flush=True); time.sleep(60)"]
    with (
        pytest.raises(ServerFailed, match="not ready after 1 seconds: loading"),
        running(command, "http://127.0.0.1:9/", 1),
    ):
        raise AssertionError("it was never ready")
