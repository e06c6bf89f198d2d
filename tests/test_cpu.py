"""What a CPU is told to compute in, and on which cores."""

import os
from pathlib import Path

import pytest

from server.cpu import FEW_CORES, Cpu, this_cpu

SMT = {0: "0,4", 1: "1,5", 4: "0,4", 5: "1,5"}


def machine(folder: Path, flags: str, siblings: dict[int, str]) -> tuple[Path, Path]:
    """What Linux would say: the file of flags, and the folder of which CPUs share a core."""
    cpuinfo = folder / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\nflags\t\t: fpu {flags}\nbugs\t\t: spectre\n\nprocessor\t: 1\nflags\t\t: fpu\n")
    for cpu, shared in siblings.items():
        place = folder / "cpus" / f"cpu{cpu}" / "topology"
        place.mkdir(parents=True)
        (place / "thread_siblings_list").write_text(shared + "\n")
    return cpuinfo, folder / "cpus"


@pytest.mark.parametrize(
    ("flags", "dtype"),
    [
        ("avx2 avx512f", "float32"),
        ("avx512_vnni avx512_bf16", "bfloat16"),
        ("amx_bf16 amx_tile", "bfloat16"),
        ("amx_int8 amx_tile", "float32"),
    ],
)
def test_bfloat16_only_where_the_cpu_computes_it(tmp_path: Path, flags: str, dtype: str) -> None:
    assert this_cpu(*machine(tmp_path, flags, {})).dtype == dtype


def test_of_cpus_that_share_a_core_one_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(SMT))
    assert this_cpu(*machine(tmp_path, "", SMT)).cores == (4, 5)


def test_only_cpus_that_the_process_may_use_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 5})
    assert this_cpu(*machine(tmp_path, "", SMT)).threads == "0,5"


def test_few_cores_are_all_used_and_of_many_vllm_chooses() -> None:
    assert Cpu(False, (0, 1)).threads == "0,1"
    assert Cpu(False, tuple(range(FEW_CORES))).threads == "0,1,2,3"
    assert Cpu(False, tuple(range(FEW_CORES + 1))).threads is None
    assert Cpu(False, (3,)).threads is None


def test_a_system_that_tells_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {2, 3})
    assert this_cpu(tmp_path / "none", tmp_path) == Cpu(bfloat16=False, cores=(2, 3))
