"""Applies a function to very many items in copies of this process, such as to read their files."""

import multiprocessing
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any, TypeVar

from scaling.trial import machine

Item = TypeVar("Item")
Value = TypeVar("Value")

WORTH = 5_000  # items from which copies of the process pay
PORTION = 1_000  # items at a time
MOST = 16  # processes
THREADED = {"ray", "torch"}  # modules that start threads, which a copy of the process lacks

_given: dict[str, Any] = {}  # in a copy: the function and the items, which are never pickled


def can_be_copied() -> bool:
    """Returns True if this process can be copied safely: on Linux, without threads."""
    alone = threading.active_count() == 1 and not THREADED & sys.modules.keys()
    return sys.platform == "linux" and alone


def mapped(function: Callable[[Item], Value], items: Sequence[Item]) -> list[Value]:
    """Returns the function's value of each item, in order; an error of the first is raised.

    From WORTH items on, copies of this process share the work if it can be copied: they get
    function and items as this process has them, and only values are sent back.
    """
    workers = min(machine.cpus(), MOST)
    if len(items) < WORTH or workers < 2 or not can_be_copied():
        return list(map(function, items))
    copies = multiprocessing.get_context("fork")
    given = partial(_given.update, function=function, items=items)
    with ProcessPoolExecutor(workers, mp_context=copies, initializer=given) as pool:
        portions = pool.map(_portion, range(0, len(items), PORTION))
        return [value for portion in portions for value in portion]


def _portion(start: int) -> list[Any]:
    """Returns the values of one portion of the items, in a copy of the process."""
    return list(map(_given["function"], _given["items"][start : start + PORTION]))
