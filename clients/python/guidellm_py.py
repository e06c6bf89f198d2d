"""GuideLLM: one short benchmark of chat requests, and one under which all of them are withheld."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import seen

BIN = str(Path(sys.executable).parent / "guidellm")


def ran(**extras: object) -> dict:
    """Return the first benchmark of a run of four requests."""
    with tempfile.TemporaryDirectory() as folder:
        backend = {"extras": {"headers": extras}} if extras else {}
        command = [BIN, "benchmark", "--target", seen.URL, "--model", seen.MODEL, "--processor", seen.MODEL_PATH]
        command += ["--profile", "synchronous", "--max-requests", "4", "--output-path", f"{folder}/out.json"]
        command += ["--data", "prompt_tokens=24,output_tokens=8", "--backend-kwargs", json.dumps(backend)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return json.loads(Path(folder, "out.json").read_text())["benchmarks"][0]


done = ran()["metrics"]["request_totals"]
seen.works("benchmark", done["successful"] == 4)
refused = ran(**seen.WITHHELD)["metrics"]["request_totals"]
seen.refusal(f"counted as: {refused['successful']} successful, {refused['errored']} errored of 4")
seen.tell()
