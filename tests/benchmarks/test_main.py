import subprocess
import sys


def test_the_module_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "benchmarks", "--rounds", "0"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "--rounds: expected a whole number of at least 1, found 0" in " ".join(done.stderr.split())
