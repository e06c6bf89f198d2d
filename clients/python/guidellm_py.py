"""GuideLLM: one short benchmark of chat requests, and one under which all of them are withheld."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import seen

BIN = str(Path(sys.executable).parent / "guidellm")


def scenario(folder: str, extras: dict) -> dict:
    """Return what GuideLLM is to do: four requests, one after the other, and a report in JSON."""
    backend = {"kind": "openai_http", "target": seen.URL, "model": seen.MODEL, "request_format": "/v1/chat/completions"}
    return {
        "metadata": {"name": "unsay"},
        "spec": {
            "backend": backend | ({"extras": extras} if extras else {}),
            "profile": {"kind": "synchronous"},
            "constraints": [{"kind": "max_requests", "count": 4}],
            "tokenizer": {"kind": "huggingface_auto", "model": seen.MODEL_PATH},
            "data": [{"kind": "synthetic_text", "prompt_tokens": 24, "output_tokens": 8}],
            "outputs": [{"kind": "json", "path": f"{folder}/out.json"}],
        },
    }


def ran(**extras: object) -> dict:
    """Return the one benchmark of a run."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "scenario.json")
        file.write_text(json.dumps(scenario(folder, extras)))
        subprocess.run([BIN, "run", "-c", str(file), "--disable-console"], check=True, stdout=subprocess.DEVNULL)
        return json.loads(Path(folder, "out.json").read_text())["benchmarks"][0]


seen.works("run, streamed", ran()["metrics"]["request_totals"]["successful"] == 4)
refused = ran(headers=seen.WITHHELD)
totals, errored = refused["metrics"]["request_totals"], refused["requests"]["errored"]
seen.refusal(f"{totals['successful']} successful, {totals['errored']} errored of 4: `{errored[0]['info']['error']}`")
seen.tell()
