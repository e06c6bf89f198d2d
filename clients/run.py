"""Every client against one server, each in an environment of its own; the table of docs/clients.md is what was seen.

`make clients`, or `python -m clients.run NAME...` for some of them. Needs uv, and npm for those of Node. Environments
are kept in a cache folder and made again when a version here is raised.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent
PAGE = ROOT / "docs" / "clients.md"
SEEN = HERE / "seen.json"
START, END = "<!-- table: clients -->\n", "\n<!-- end: clients -->"
MODEL = "unsay-mini"
MODEL_PATH = ROOT / "models" / "language_model"
READY_SECONDS = 300
CLIENT_SECONDS = 420


@dataclass(frozen=True)
class Client:
    """A client: its name in the table, its script, and the packages that its environment has.

    The first package is the one whose version the table names; none: it is in the environment that serves.
    """

    name: str
    script: str
    packages: tuple[str, ...] = ()

    @property
    def node(self) -> bool:
        """Whether it is one of Node's."""
        return self.script.endswith(".mjs")


CLIENTS = (
    Client("openai (Python)", "openai_py.py", ("openai==3.57.0",)),
    Client("openai (Node)", "openai.mjs", ("openai@7.57.0",)),
    Client("anthropic (Python)", "anthropic_py.py", ("anthropic==2.14.0",)),
    Client("LangChain", "langchain_py.py", ("langchain-openai==1.7.4",)),
    Client("LiteLLM, SDK", "litellm_py.py", ("litellm==1.108.7",)),
    Client("LiteLLM, proxy", "litellm_proxy.py", ("litellm[proxy]==1.108.7",)),
    Client("LlamaIndex", "llama_index_py.py", ("llama-index-llms-openai-like==0.8.1",)),
    Client("Pydantic AI", "pydantic_ai_py.py", ("pydantic-ai-slim[openai]==2.68.0",)),
    Client("Haystack", "haystack_py.py", ("haystack-ai==3.4.1",)),
    Client("Vercel AI SDK", "vercel_ai.mjs", ("ai@7.0.173", "@ai-sdk/openai-compatible@3.0.92")),
    Client("lm-evaluation-harness", "lm_eval_py.py", ("lm-eval[api]==0.4.13", "transformers==5.24.0")),
    Client("Inspect AI", "inspect_ai_py.py", ("inspect-ai==0.3.285", "openai==3.57.0")),
    Client("promptfoo", "promptfoo.mjs", ("promptfoo@0.123.1",)),
    Client("GuideLLM", "guidellm_py.py", ("guidellm==0.8.1",)),
    Client("vllm bench serve", "vllm_bench.py"),
)


def main(words: list[str]) -> None:
    """Run the clients that `words` name, or all, and write what was seen to seen.json and the page."""
    arguments = argparse.ArgumentParser(prog="clients", description=__doc__)
    arguments.add_argument("script", nargs="*", help="scripts to run, by their stems; all without one")
    arguments.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "unsay-clients")
    arguments.add_argument(
        "--url", help="a server that is up already, under clients/policies.yaml; else one is started"
    )
    asked = arguments.parse_args(words)
    chosen = [client for client in CLIENTS if not asked.script or Path(client.script).stem in asked.script]
    before = json.loads(SEEN.read_text(encoding="utf-8")) if SEEN.exists() else {}
    seen = {client.name: before[client.name] for client in CLIENTS if client.name in before}
    with _server(asked.url) as url:
        for client in chosen:
            print(f"{client.name} ...", flush=True)
            seen[client.name] = _run(client, asked.cache, url)
            print(json.dumps(seen[client.name], ensure_ascii=False, indent=1), flush=True)
            SEEN.write_text(json.dumps(seen, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8"), seen), encoding="utf-8")
    if failed := [client.name for client in chosen if "failed" in seen[client.name]]:
        raise SystemExit("failed: " + ", ".join(failed))


def table(seen: Mapping[str, Any]) -> str:
    """Return the table of all clients, in the order of CLIENTS."""
    lines = ["| client | works | where the report is | how a refusal looks |", "|---|---|---|---|"]
    for client in CLIENTS:
        version = " ".join(client.packages[:1]) or "of this repository's environment"
        cells = _cells(seen.get(client.name, {"failed": "not run"}))
        lines.append(f"| {client.name}<br>`{version}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def rewritten(page: str, seen: Mapping[str, Any]) -> str:
    """Return the page with its table made anew. ValueError if a mark is missing."""
    before, after = page.index(START) + len(START), page.index(END)
    return page[:before] + table(seen) + page[after:]


def _cells(found: Mapping[str, Any]) -> list[str]:
    if "failed" in found:
        return [f"not run to its end: {found['failed']}".replace("|", "\\|"), "", ""]
    return [
        ("; " if key == "works" else "<br>").join(found[key]).replace("|", "\\|") or "nowhere"
        for key in ("works", "report", "refusal")
    ]


def _run(client: Client, cache: Path, url: str) -> dict[str, Any]:
    environment = {**os.environ, "UNSAY_URL": url, "UNSAY_MODEL": MODEL, "UNSAY_MODEL_PATH": str(MODEL_PATH)}
    environment.pop("PYTHONPATH", None)
    try:
        command, folder = _prepared(client, cache)
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=CLIENT_SECONDS, check=False
        )
        if done.returncode == 0:
            return dict(json.loads(done.stdout.strip().splitlines()[-1]))
        said = (done.stderr.strip() or done.stdout.strip() or "said nothing").splitlines()
        print("\n".join(said[-25:]), file=sys.stderr)
        return {"failed": said[-1][:200]}
    except (subprocess.SubprocessError, OSError, ValueError) as error:
        print(getattr(error, "stderr", "") or "", file=sys.stderr)
        return {"failed": f"{type(error).__name__}: {str(error)[:200]}"}


def _prepared(client: Client, cache: Path) -> tuple[list[str], Path]:
    """Return the command that runs a client's script, and the folder for it; its environment is made if need be."""
    folder = cache / Path(client.script).stem
    stamp = folder / "packages"
    wanted = "\n".join(client.packages)
    if client.packages and (not stamp.exists() or stamp.read_text() != wanted):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for command in _making(client, folder):
            subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
        stamp.write_text(wanted)
    folder.mkdir(parents=True, exist_ok=True)
    if not client.node:
        python = str(folder / "bin" / "python") if client.packages else sys.executable
        return [python, str(HERE / "python" / client.script)], folder
    for name in (client.script, "seen.mjs"):  # Node looks for packages from where the script is
        shutil.copy(HERE / "node" / name, folder)
    return ["node", client.script], folder


def _making(client: Client, folder: Path) -> Iterator[list[str]]:
    if client.node:
        yield ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", *client.packages]
        return
    yield ["uv", "venv", "--quiet", "--clear", "--python", "3.11", str(folder)]
    yield ["uv", "pip", "install", "--quiet", "--python", str(folder / "bin" / "python"), *client.packages]


@contextmanager
def _server(url: str | None) -> Iterator[str]:
    """Provide the address of a server with the bundled model; one of our own ends with the clients."""
    if url is not None:
        yield url.rstrip("/")
        return
    port = _free_port()
    command = [sys.executable, "-m", "commands", "serve", "mini", "--port", str(port)]
    command += ["--policy-file", str(HERE / "policies.yaml")]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        _wait_for(f"http://127.0.0.1:{port}", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def _wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + READY_SECONDS
    while process.poll() is None and time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"{url}/ready", timeout=10):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(1)
    raise SystemExit(f"the server was not ready within {READY_SECONDS} seconds")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


if __name__ == "__main__":
    main(sys.argv[1:])
