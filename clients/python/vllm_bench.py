"""vLLM's own `vllm bench serve`, of the environment that serves: chat requests of random tokens."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import seen


def ran(*more: str) -> dict:
    """Return what four requests came to."""
    with tempfile.TemporaryDirectory() as folder:
        command = [str(Path(sys.executable).parent / "vllm"), "bench", "serve", "--backend", "openai-chat"]
        command += ["--base-url", seen.URL, "--endpoint", "/v1/chat/completions", "--model", seen.MODEL]
        command += ["--tokenizer", seen.MODEL_PATH, "--dataset-name", "random", "--random-input-len", "24"]
        command += ["--random-output-len", "8", "--num-prompts", "4", "--save-result", "--result-dir", folder]
        subprocess.run([*command, "--result-filename", "out.json", *more], check=True, stdout=subprocess.DEVNULL)
        return json.loads(Path(folder, "out.json").read_text())


done = ran()
seen.works("benchmark, streamed", done["completed"] == 4 and done["total_output_tokens"] > 0)
refused = ran("--header", "X-Detox-Policy=withheld")
seen.refusal(f"counted as {refused['completed']} completed of 4, {refused['total_output_tokens']} output tokens")
seen.tell()
