"""What fits the CPU of this machine: the numbers that it computes in, and the cores that a language model may use.

1. bfloat16 where the CPU computes it, in AVX512-BF16 or AMX: half the bytes of float32. Elsewhere each number would be
   converted at every step, which is many times slower; there it is float32.
2. vLLM keeps one core free for its other processes. On a machine of few cores that is too much: they and the scorer
   are idle most of the time that a model decodes, so all cores are used. SmolLM2 on two cores: 1.3 to 1.45 times as
   fast (docs/decisions/0020-smollm2-as-the-default.md).
3. Of a core that is several CPUs to the system, one is used, as vLLM does.
"""

import os
from dataclasses import dataclass
from pathlib import Path

FEW_CORES = 4
"""Up to this many, all are used: measured with two; of four vLLM would leave a quarter idle."""

_BFLOAT16 = frozenset({"avx512_bf16", "amx_bf16"})
_CPUINFO = Path("/proc/cpuinfo")
_TOPOLOGY = Path("/sys/devices/system/cpu")


@dataclass(frozen=True, slots=True)
class Cpu:
    """`cores` are the numbers of the CPUs that this process may use, one of each core."""

    bfloat16: bool
    cores: tuple[int, ...]

    @property
    def dtype(self) -> str:
        """What a language model is computed in, as vLLM calls it."""
        return "bfloat16" if self.bfloat16 else "float32"

    @property
    def threads(self) -> str | None:
        """The cores for vLLM to compute on, `0,1`; None where its own choice is as good."""
        return ",".join(map(str, self.cores)) if 1 < len(self.cores) <= FEW_CORES else None


def this_cpu(cpuinfo: Path = _CPUINFO, topology: Path = _TOPOLOGY) -> Cpu:
    """Return the CPU that this process runs on, as Linux tells of it. What it does not tell is taken for absent."""
    allowed = sorted(os.sched_getaffinity(0))
    return Cpu(bool(_BFLOAT16 & _flags(cpuinfo)), _one_of_each_core(allowed, topology))


def _flags(cpuinfo: Path) -> frozenset[str]:
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((line.partition(":")[2] for line in lines if line.startswith("flags")), "").split())


def _one_of_each_core(allowed: list[int], topology: Path) -> tuple[int, ...]:
    """Return the last one of those that share a core, in order."""
    last = {_siblings(cpu, topology): cpu for cpu in allowed}
    return tuple(sorted(last.values()))


def _siblings(cpu: int, topology: Path) -> str:
    """Return the CPUs that share a core with this one, in the system's words; itself if the system does not say."""
    try:
        return (topology / f"cpu{cpu}" / "topology" / "thread_siblings_list").read_text(encoding="utf-8").strip()
    except OSError:
        return str(cpu)
