"""LiteLLM's proxy in front of the server, asked by OpenAI's client."""

import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import seen
from openai import OpenAI

ASK = {"messages": [{"role": "user", "content": seen.PROMPT}], "max_tokens": 12}
READY_SECONDS = 300
KEY = f"sk-{secrets.token_hex(32)}"
"""The proxy does not start without one."""
CONFIG = f"""
model_list:
  - model_name: guarded
    litellm_params: {{model: hosted_vllm/{seen.MODEL}, api_base: {seen.URL}/v1, api_key: none}}
  - model_name: withheld
    litellm_params:
      model: hosted_vllm/{seen.MODEL}
      api_base: {seen.URL}/v1
      api_key: none
      extra_headers: {{X-Detox-Policy: withheld}}
"""


@contextmanager
def proxy() -> Iterator[str]:
    """Provide the address of a proxy of our own, once it is alive."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        config.write_text(CONFIG)
        command = [str(Path(sys.executable).parent / "litellm"), "--config", str(config), "--port", str(port)]
        process = subprocess.Popen(command, stdout=sys.stderr, env={**os.environ, "LITELLM_MASTER_KEY": KEY})
        try:
            _wait_for(f"http://127.0.0.1:{port}/health/liveliness", process)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()
            process.wait(60)


def _wait_for(url: str, process: subprocess.Popen) -> None:
    until = time.monotonic() + READY_SECONDS
    while process.poll() is None and time.monotonic() < until:
        try:
            if httpx.get(url, timeout=5).is_success:
                return
        except httpx.TransportError:
            time.sleep(1)
    raise SystemExit(f"the proxy has ended or was not ready within {READY_SECONDS} seconds")


with proxy() as url:
    client = OpenAI(base_url=url, api_key=KEY, max_retries=0)
    raw = client.chat.completions.with_raw_response.create(model="guarded", **ASK)
    answer = raw.parse()
    seen.works("chat", answer.choices[0].message.content)
    seen.report("`choice.model_extra['detox']`", lambda: answer.choices[0].model_extra["detox"])
    seen.report(
        "`choice.model_extra['provider_specific_fields']['detox']`",
        lambda: answer.choices[0].model_extra["provider_specific_fields"]["detox"],
    )
    seen.report("header `llm_provider-x-detox-action`", lambda: raw.headers["llm_provider-x-detox-action"])
    chunks = list(client.chat.completions.create(model="guarded", **ASK, stream=True))
    seen.works("stream", "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices))
    refused = client.chat.completions.create(model="withheld", **ASK).choices[0]
    seen.refusal(f"`finish_reason: {refused.finish_reason}`, content {refused.message.content!r}")
seen.tell()
