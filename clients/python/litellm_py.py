"""LiteLLM's SDK, and its proxy in front of the server, asked by OpenAI's client."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import litellm
import seen
from openai import OpenAI

ASK = {"messages": [{"role": "user", "content": seen.PROMPT}], "max_tokens": 12}
PORT = int(os.environ.get("UNSAY_SPARE_PORT", "8123"))

OWN = {"model": f"hosted_vllm/{seen.MODEL}", "api_base": f"{seen.URL}/v1", "api_key": "none"}
answer = litellm.completion(**OWN, **ASK)
seen.works("SDK: chat", answer.choices[0].message.content)
seen.report(
    "SDK: `choice.provider_specific_fields['detox']`", lambda: answer.choices[0].provider_specific_fields["detox"]
)
seen.report("SDK: `choice.detox`", lambda: answer.choices[0].detox)
seen.report(
    "SDK: `_hidden_params['additional_headers']['llm_provider-x-detox-action']`",
    lambda: answer._hidden_params["additional_headers"]["llm_provider-x-detox-action"],
)
chunks = list(litellm.completion(**OWN, **ASK, stream=True))
seen.works("SDK: stream", "".join(chunk.choices[0].delta.content or "" for chunk in chunks))
refused = litellm.completion(**OWN, **ASK, extra_headers=seen.WITHHELD).choices[0]
seen.refusal(f"SDK: `finish_reason: {refused.finish_reason}`, content {refused.message.content!r}")

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
with tempfile.TemporaryDirectory() as folder:
    config = Path(folder) / "config.yaml"
    config.write_text(CONFIG)
    command = [str(Path(sys.executable).parent / "litellm"), "--config", str(config), "--port", str(PORT)]
    proxy = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 180
        while time.monotonic() < until:
            try:
                if httpx.get(f"http://127.0.0.1:{PORT}/health/liveliness", timeout=5).is_success:
                    break
            except httpx.TransportError:
                time.sleep(1)
        client = OpenAI(base_url=f"http://127.0.0.1:{PORT}/v1", api_key="none", max_retries=0)
        raw = client.chat.completions.with_raw_response.create(model="guarded", **ASK)
        answer = raw.parse()
        seen.works("proxy: chat", answer.choices[0].message.content)
        seen.report("proxy: `choice.model_extra['detox']`", lambda: answer.choices[0].model_extra["detox"])
        seen.report(
            "proxy: `choice.model_extra['provider_specific_fields']['detox']`",
            lambda: answer.choices[0].model_extra["provider_specific_fields"]["detox"],
        )
        seen.report("proxy: header `llm_provider-x-detox-action`", lambda: raw.headers["llm_provider-x-detox-action"])
        chunks = list(client.chat.completions.create(model="guarded", **ASK, stream=True))
        seen.works("proxy: stream", "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices))
        refused = client.chat.completions.create(model="withheld", **ASK).choices[0]
        seen.refusal(f"proxy: `finish_reason: {refused.finish_reason}`, content {refused.message.content!r}")
    finally:
        proxy.terminate()
        proxy.wait(30)
seen.tell()
