"""Copies of a process return what the process itself would, in order, with its errors."""

import os
import subprocess
import sys

import pytest

from scaling.errors import UsageError
from scaling.storage import parallel
from scaling.trial import machine

ITEMS = list(range(2_500))


def apart(monkeypatch):
    """Makes 2,500 items enough for two copies, whatever this test's process has imported."""
    monkeypatch.setattr(parallel, "WORTH", 2_000)
    monkeypatch.setattr(parallel, "can_be_copied", lambda: True)
    monkeypatch.setattr(machine, "cpus", lambda: 2)


def test_copies_return_the_values_in_order(monkeypatch):
    apart(monkeypatch)
    assert parallel.mapped(lambda n: n * n, ITEMS) == [n * n for n in ITEMS]
    others = parallel.mapped(lambda n: os.getpid(), ITEMS)
    assert os.getpid() not in others
    assert len(others) == len(ITEMS)


def test_an_error_in_a_copy_is_raised_here(monkeypatch):
    apart(monkeypatch)

    def refuse(number):
        if number == 2_345:
            raise UsageError(f"{number} is refused. Give another.")

    with pytest.raises(UsageError, match="2345 is refused. Give another."):
        parallel.mapped(refuse, ITEMS)


@pytest.mark.parametrize("count, workers", [(1_999, 2), (2_500, 1)])
def test_few_items_or_one_core_need_no_copies(monkeypatch, count, workers):
    apart(monkeypatch)
    monkeypatch.setattr(machine, "cpus", lambda: workers)
    assert set(parallel.mapped(lambda n: os.getpid(), ITEMS[:count])) == {os.getpid()}


@pytest.mark.parametrize("first, copied", [("json", True), ("torch", False)])
def test_a_process_with_pytorch_is_not_copied(first, copied):
    code = f"import {first}; from scaling.storage.parallel import can_be_copied as c; print(c())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(copied)]
