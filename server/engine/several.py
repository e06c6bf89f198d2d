"""Which of how many API servers a process of vLLM's is.

vLLM starts them as processes over the same engine cores, and the one that starts them makes a configuration too.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Server:
    """The API server `index` (from 0) of `count`; -1 is the process that starts and watches several."""

    index: int = 0
    count: int = 1

    @property
    def is_one_of_several(self) -> bool:
        """Whether others stand and fall with it."""
        return self.count > 1 and self.index >= 0


def server_of(source: Any) -> Server:
    """Return which server this is, by vLLM's configuration or by the arguments that it is made from."""
    told = getattr(source, "parallel_config", source)
    return Server(told._api_process_rank, told._api_process_count)
