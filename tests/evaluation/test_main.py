import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.evaluation.builders import prompts_file
from tests.evaluation.fake import Fake


def test_it_can_be_run_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "evaluation", "--help"], capture_output=True, text=True, check=True)
    assert "usage: unsay eval" in done.stdout


def _heed_interrupts() -> None:
    """A test run in the background of a shell is deaf to them, and so would be its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_it_can_be_interrupted_and_goes_on(fake: Fake, tmp_path: Path) -> None:
    fake.quick = 10
    prompts, out = prompts_file(tmp_path, count=40), tmp_path / "out"
    words = ["--base-url", fake.url, "--prompts", str(prompts), "--out", str(out), "--concurrency", "2"]
    command = [sys.executable, "-m", "evaluation", *words]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=_heed_interrupts)
    while len(fake.asked) < 10 and running.poll() is None:
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    assert running.stderr is not None
    assert "interrupted" in running.communicate(timeout=30)[1]
    assert running.returncode == 130
    assert len(fake.asked) < 80
    fake.quick = 80 * 2
    subprocess.run(command, capture_output=True, check=True)
    assert 80 <= len(fake.asked) <= 80 + 2  # two were under way
    assert len((out / "generations.jsonl").read_text().splitlines()) == 40 * 25 * 2
