"""Copies of a process return what the process itself would, in order, with its errors."""

import os
import signal
import subprocess
import sys
import time

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


def test_if_a_copy_dies_this_process_does_the_work(monkeypatch):
    apart(monkeypatch)
    here = os.getpid()

    def fragile(number):
        if os.getpid() != here and number == 1_500:
            os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does if memory is short
        return -number

    assert parallel.mapped(fragile, ITEMS) == [-n for n in ITEMS]


def test_copies_end_on_sigterm_which_the_pool_sends_and_waits_for(monkeypatch):
    apart(monkeypatch)
    found = set(parallel.mapped(lambda n: signal.getsignal(signal.SIGTERM), ITEMS))
    assert found == {signal.SIG_DFL}


SLOW = """
import os, sys, time
from pathlib import Path
from scaling.storage import parallel
from scaling.trial import machine
parallel.WORTH, parallel.PORTION, machine.cpus = 2, 1, lambda: 2
def slow(n):
    Path(sys.argv[1], str(os.getpid())).touch()
    if sys.argv[2] == "kill" or n == 0:  # when interrupted, the other copy waits for work
        time.sleep(0.5 if sys.argv[2] == "interrupt" else 600)
parallel.mapped(slow, [0, 1])
"""


def begun(folder, how):
    """Starts the slow work in a session of its own, and waits until both copies work."""
    typed = [sys.executable, "-c", SLOW, str(folder), how]
    work = subprocess.Popen(typed, stderr=subprocess.PIPE, text=True, start_new_session=True)
    while len(list(folder.iterdir())) < 2:
        assert work.poll() is None
        time.sleep(0.02)
    return work


def test_ctrl_c_reaches_all_processes_and_only_one_reports_it(tmp_path):
    work = begun(tmp_path, "interrupt")
    os.killpg(work.pid, signal.SIGINT)
    _, errors = work.communicate()
    assert work.returncode != 0
    assert errors.count("KeyboardInterrupt") == errors.count("Traceback") == 1


def test_copies_die_with_the_process(tmp_path):
    work = begun(tmp_path, "kill")
    work.kill()
    work.communicate()  # returns when no copy holds stderr open any more
    assert work.returncode == -signal.SIGKILL


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
