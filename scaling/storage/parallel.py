"""Applies a function to very many items in copies of this process, such as to read their files."""

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from scaling.trial import machine

Item = TypeVar("Item")
Value = TypeVar("Value")

WORTH = 5_000  # items from which copies of the process pay
PORTION = 1_000  # items at a time
MOST = 16  # processes
THREADED = {"ray", "torch"}  # modules that start threads, which a copy of the process lacks
PR_SET_PDEATHSIG = 1  # prctl's option for the signal that a process gets when its parent dies

_given: dict[str, Any] = {}  # in a copy: the function and the items, which are never pickled


def can_be_copied() -> bool:
    """Returns True if this process can be copied safely: on Linux, without threads."""
    alone = threading.active_count() == 1 and not THREADED & sys.modules.keys()
    return sys.platform == "linux" and alone


def die_with(parent: int) -> bool:
    """Makes this copy die when its parent does; returns False if the parent is dead already."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    return os.getppid() == parent


def mapped(function: Callable[[Item], Value], items: Sequence[Item]) -> list[Value]:
    """Returns the function's value of each item, in order; an error of the first is raised.

    From WORTH items on, copies of this process share the work if it can be copied: they get
    function and items as this process has them, and only values are sent back. If a copy dies,
    because memory is short, this process does the work.
    """
    workers = min(machine.cpus(), MOST)
    if len(items) < WORTH or workers < 2 or not can_be_copied():
        return list(map(function, items))
    arguments = (os.getpid(), function, items)
    try:
        with ProcessPoolExecutor(
            workers, multiprocessing.get_context("fork"), initializer=_begin, initargs=arguments
        ) as pool:
            portions = pool.map(_portion, range(0, len(items), PORTION))
            return [value for portion in portions for value in portion]
    except BrokenProcessPool:
        return list(map(function, items))


def _begin(parent: int, function: Callable[[Any], Any], items: Sequence[Any]) -> None:
    """Prepares a copy, which its parent ends by SIGTERM; other signals are the parent's business.

    If another copy dies, Python's pool sends SIGTERM and waits for those that are left.
    """
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if not die_with(parent):
        os._exit(1)
    _given.update(function=function, items=items)


def _portion(start: int) -> list[Any]:
    """Returns the values of one portion of the items, in a copy of the process."""
    return list(map(_given["function"], _given["items"][start : start + PORTION]))
