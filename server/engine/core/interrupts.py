"""Who heeds Ctrl-C. A terminal sends SIGINT to every process of a program, and vLLM's engine ends at it at once.

Here the server alone heeds it, and ends the engine (by SIGTERM) when what is under way has finished.
"""

import multiprocessing
import signal
import threading


def ignore_interrupts() -> None:
    """Ignore SIGINT in this process from now on, if another one has started it and this is its main thread."""
    if multiprocessing.parent_process() is not None and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
