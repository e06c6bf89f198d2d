import asyncio
import os
import subprocess
import sys
import time

from benchmarks.usage import MIB, Cpu, Usage

BUSY = "import time; end = time.process_time() + {seconds}\nwhile time.process_time() < end: pass\n"
PARENT = (
    "import subprocess, sys, time\nchild = subprocess.Popen([sys.executable, '-c', {child!r}])\n{busy}time.sleep(30)"
)


def test_the_time_of_a_process_and_its_children_counts_and_the_loops_alone() -> None:
    child = BUSY.format(seconds=0.3) + "time.sleep(30)"
    command = [sys.executable, "-c", PARENT.format(child=child, busy=BUSY.format(seconds=0.2))]
    with subprocess.Popen(command) as process:
        try:
            time.sleep(0.5)
            usage, until = Usage(process.pid), time.monotonic() + 20
            while usage.cpu().tree < 0.5 and time.monotonic() < until:
                time.sleep(0.05)
            found = usage.cpu()
            assert found.tree >= 0.5
            assert 0.1 < found.loop < found.tree
        finally:
            for one in usage._tree():
                one.kill()


def test_what_was_used_meanwhile_is_the_difference() -> None:
    assert Cpu(5.0, 3.0).since(Cpu(2.0, 1.0)) == Cpu(3.0, 2.0)


async def test_the_highest_memory_is_seen() -> None:
    usage = Usage(os.getpid())
    async with usage.peak() as peak:
        before = usage.resident()
        block = b"x" * (64 * MIB)
        await asyncio.sleep(0.6)
        del block
        await asyncio.sleep(0.3)
    assert peak.bytes >= before + 60 * MIB
