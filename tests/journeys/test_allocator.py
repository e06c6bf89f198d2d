"""By what vLLM's worker allocates: with glibc's heap its memory grows for hours under rewinds (docs/decisions/0050)."""

from importlib.util import find_spec
from pathlib import Path

import psutil

from tests.live.servers import Servers
from tests.missing import missing


def bundled() -> list[Path]:
    """The allocators that lie where vLLM looks for one to preload."""
    spec = find_spec("vllm")
    assert spec is not None and spec.submodule_search_locations
    return list(Path(spec.submodule_search_locations[0]).glob("libs/libtcmalloc_minimal*.so*"))


def test_every_process_of_the_engine_allocates_by_tcmalloc(servers: Servers) -> None:
    assert servers.engine
    if not bundled():
        missing("tcmalloc is missing: setup.sh fetches it where there are Debian packages")
    engine = [each for each in psutil.Process().children(recursive=True) if each.name().startswith("VLLM::")]
    assert engine
    assert all(any("libtcmalloc" in region.path for region in each.memory_maps()) for each in engine)
