"""Times benchmarks in interleaved rounds on one thread."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch


def interleaved(*works: Callable[[], object], rounds: int = 9) -> list[float]:
    """Returns each work's median of CPU seconds over rounds in which all take turns.

    Two additional rounds come first and do not count: they compile and fill caches. CPU time
    depends less on other processes than wall-clock time does, and one thread never waits.
    """
    seconds: list[list[float]] = [[] for _ in works]
    with one_thread():
        for _ in range(rounds + 2):
            for work, spent in zip(works, seconds, strict=True):
                start = time.process_time()
                work()
                spent.append(time.process_time() - start)
    return [statistics.median(spent[2:]) for spent in seconds]


@contextmanager
def one_thread() -> Iterator[None]:
    """Restricts PyTorch to one thread inside the block, as in trials."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
