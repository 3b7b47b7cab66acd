"""A trial that makes no more rows ends, with the reason where failures are looked for."""

import json
import os
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from scaling.cluster.watchdog import TIMED_OUT, Watchdog
from scaling.cluster.worker import Job, execute
from scaling.options import ROW_TIMEOUT, parser
from scaling.store import Store, TrialFolder
from scaling.trial import VaeTrial, key
from tests.cluster.conftest import ROOT
from tests.conftest import timeless

TRIAL = VaeTrial("digits", n_c=2, mixtures=2, lr=3e-3, batch=20, train_size=45)
HANGS = {
    "sleeping": "time.sleep(60)",
    "waiting": "threading.Lock().acquire() and threading.Event().wait(60)",
    "native": "ctypes.CDLL(None).sleep(60)",
    "holding": "ctypes.PyDLL(None).sleep(60)",  # keeps the interpreter to itself
}
HUNG = """
    import ctypes, sys, threading, time
    from pathlib import Path
    from scaling.cluster import watchdog
    from scaling.cluster.worker import Job, execute
    from scaling.data.datasets import load
    from scaling.runs.vae import VaeRun
    from scaling.store import TrialFolder

    def hang(self):
        if self.epoch == 2:
            {hang}
        return train(self)

    train, VaeRun._train_epoch = VaeRun._train_epoch, hang
    watchdog.GRACE_SECONDS = 1.0
    folder, data = TrialFolder(Path(sys.argv[1])), load("digits")
    with watchdog.Watchdog(folder, 3.0) as dog:
        execute(folder, data, Job(4, 1), dog.heard_in(lambda row: None))
    """


@pytest.fixture
def folder(tmp_path):
    made = Store(tmp_path).folder(key(TRIAL))
    made.create(TRIAL)
    return made


def hung(folder, hang):
    script = textwrap.dedent(HUNG).format(hang=HANGS[hang])
    command = [sys.executable, "-c", script, str(folder.path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=50, cwd=ROOT)


@pytest.mark.parametrize("hang", ["sleeping", "waiting", "native"])
def test_a_hung_trial_has_failed_and_says_where(folder, hang, digits):
    done = hung(folder, hang)
    assert done.returncode == TIMED_OUT, done.stderr
    assert folder.state(4) == "failed"
    assert folder.done()["epoch"] == 2
    error = folder.done()["error"]
    assert error.startswith("no row within 3 s (--row-timeout): hung in __iter__ (scaling/runs/vae")

    folder.reopen()  # as --retry-failed does
    execute(folder, digits, Job(4, 1), lambda row: None)
    control = TrialFolder(folder.path.parents[1] / "control" / folder.key)
    control.create(TRIAL)
    execute(control, digits, Job(4, 1), lambda row: None)
    assert [timeless(r) for r in folder.rows()] == [timeless(r) for r in control.rows()]


def test_what_holds_the_interpreter_is_ended_too(folder):
    done = hung(folder, "holding")
    assert done.returncode == 1
    assert "Timeout (0:00:04)" in done.stderr
    assert "in hang" in done.stderr
    assert folder.state(4) == "partial"


def test_what_makes_rows_lives_on_and_may_go_on_without_the_watch(folder):
    """Were the process ended, this test would be too."""
    heard = []
    with Watchdog(folder, 0.5) as watchdog:
        report = watchdog.heard_in(heard.append)
        for epoch in range(1, 9):
            time.sleep(0.1)
            report({"epoch": epoch})
    time.sleep(0.7)
    assert [row["epoch"] for row in heard] == list(range(1, 9))
    assert folder.done() is None


def test_no_limit_is_no_watch(folder):
    before = threading.active_count()
    with Watchdog(folder, 0.0) as watchdog:
        assert threading.active_count() == before
        watchdog.heard_in(lambda row: None)({"epoch": 1})


def test_the_place_is_the_watched_threads_own(folder, monkeypatch):
    ended = threading.Event()
    codes = []
    monkeypatch.setattr(os, "_exit", lambda code: (codes.append(code), ended.set()))
    with Watchdog(folder, 0.1):
        assert ended.wait(10)
    assert codes == [TIMED_OUT]
    assert folder.done()["error"] == "no row within 0.1 s (--row-timeout): hung outside this project"


def test_the_option():
    options = parser("", {"digits": None} and PRESETS).parse_args(["--row-timeout", "1.5"])
    assert options.row_timeout == 1.5
    assert parser("", PRESETS).parse_args([]).row_timeout == ROW_TIMEOUT


@pytest.mark.cluster
def test_a_hung_trial_in_a_study(study, tmp_path):
    """One trial of two hangs in every process that takes it up: it fails once, the other is done."""
