"""The whole of it, over a real engine: small, but nothing left out."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.timeout(300)  # it starts an engine of its own
def test_both_servers_are_measured_over_one_engine(tmp_path: Path) -> None:
    words = ["--model", "mini", "--runs", "clean,flag5", "--streams", "2", "--rounds", "1", "--requests", "2"]
    servers = ["--", "--max-model-len", "256", "--kv-cache-memory-bytes", "67108864", "--max-num-seqs", "8"]
    command = [sys.executable, "-m", "commands", "bench", *words, "--tokens", "32", "--out", str(tmp_path), *servers]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads((tmp_path / "latest.json").read_text())
    for cell in ("clean.c2", "flag5.c2"):
        assert found[f"{cell}.plain_tokens"] == found[f"{cell}.guarded_tokens"] == 64.0
        assert 0.0 < found[f"{cell}.throughput_ratio"] < 10.0
        assert found[f"{cell}.guarded_score_calls_per_1000_tokens"] > 0.0
        assert found[f"{cell}.guarded_scorer_failures"] == 0.0
    assert found["meta"]["model"] == "unsay-mini" and found["meta"]["max_model_len"] == 256
    assert done.stdout.startswith("| traffic |")
