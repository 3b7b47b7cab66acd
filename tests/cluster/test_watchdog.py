"""A trial that makes no more rows is ended, and its failure has a reason."""

import faulthandler
import json
import os
import queue
import re
import subprocess
import sys
import textwrap
import threading
from functools import partial
from typing import Any

import pytest

from scaling.cli.options import ROW_TIMEOUT, parser
from scaling.cluster.watchdog import TIMED_OUT, Watchdog
from scaling.errors import UsageError
from scaling.runs.execute import Job, execute
from scaling.storage.store import Store
from scaling.storage.trial_folder import TrialFolder
from scaling.trial import VaeTrial, key
from studies.double_descent import PRESETS
from tests.cluster.conftest import ROOT, TINY
from tests.conftest import timeless
from tests.narrow import not_none

TRIAL = VaeTrial("digits", n_c=2, mixtures=2, lr=3e-3, batch=20, train_size=45)
WAITING = "threading.Event().wait(60)"
HOLDING = "ctypes.PyDLL(None).sleep(60)"  # holds the lock of the interpreter
HUNG = """
    import ctypes, sys, threading, torch
    from pathlib import Path
    from scaling.cluster import watchdog
    from scaling.runs.execute import Job, execute
    from scaling.data.datasets import load, split
    from scaling.runs.vae import VaeRun
    from scaling.storage.trial_folder import TrialFolder

    def hang(self):
        if self.epoch == 3:
            {hang}
        return images(self)

    torch.set_num_threads(1)
    watchdog.GRACE_SECONDS = 1.0
    folder, data = TrialFolder(Path(sys.argv[1])), load("digits")
    list(VaeRun(folder.trial(), split(data, 45, 0), 1))  # PyTorch imports much at its first step
    images, VaeRun.source_images = VaeRun.source_images, hang
    with watchdog.Watchdog(folder, 3.0) as dog:
        execute(folder, data, Job(4, 1), dog.beats_in(lambda row: None))
    """


@pytest.fixture
def folder(tmp_path):
    made = Store(tmp_path).folder(key(TRIAL))
    made.create(TRIAL)
    return made


def hung(folder, hang):
    script = textwrap.dedent(HUNG).format(hang=hang)
    command = [sys.executable, "-c", script, str(folder.path)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


def test_a_hung_trial_has_failed_with_the_line_where_it_hangs(folder, digits):
    done = hung(folder, WAITING)
    assert done.returncode == TIMED_OUT, done.stderr
    assert folder.state(4) == "failed"
    assert folder.done()["epoch"] == 2
    error = folder.done()["error"]
    message = re.fullmatch(r"no row within 3 s \(--row-timeout\): hung in \w+ \((.+):\d+\)", error)
    assert not_none(message)[1] == "scaling/runs/vae.py"

    folder.reopen()  # as --retry-failed does
    execute(folder, digits, Job(4, 1), lambda row: None)
    control = TrialFolder(folder.path.parents[1] / "control" / folder.key)
    control.create(TRIAL)
    execute(control, digits, Job(4, 1), lambda row: None)
    assert [timeless(r) for r in folder.rows()] == [timeless(r) for r in control.rows()]


def test_a_trial_that_holds_the_interpreters_lock_is_ended(folder):
    done = hung(folder, HOLDING)
    assert done.returncode == 1
    assert "Timeout (0:00:04)" in done.stderr
    assert "in hang" in done.stderr
    assert folder.state(4) == "partial"


@pytest.fixture
def exits(monkeypatch):
    """Collects the codes with which the process would have ended."""
    codes: queue.Queue[int] = queue.Queue()
    monkeypatch.setattr(os, "_exit", codes.put)
    return codes


class Turns(threading.Event):
    """Replaces the watchdog's clock: each wait calls the next of these functions, if any."""

    def __init__(self, *turns):
        super().__init__()
        self.turns = list(turns)

    def wait(self, timeout=None):
        if self.turns:
            self.turns.pop(0)()
        return self.is_set()


def test_a_trial_that_makes_rows_or_is_no_longer_watched_is_not_ended(folder, exits):
    heard: list[Any] = []
    watchdog = Watchdog(folder, 3600.0)
    report = watchdog.beats_in(heard.append)
    rows = [partial(report, {"epoch": epoch}) for epoch in range(1, 9)]
    watchdog.beats = Turns(*rows, lambda: watchdog.__exit__(None, None, None))
    watchdog._watch()
    assert [row["epoch"] for row in heard] == list(range(1, 9))
    assert exits.empty()
    assert folder.done() is None

    watchdog = Watchdog(folder, 3600.0)
    watchdog.beats = Turns(partial(watchdog.beat), lambda: None)
    watchdog._watch()
    faulthandler.cancel_dump_traceback_later()
    assert exits.get() == TIMED_OUT
    assert folder.done()["error"].startswith("no row within 60 min")


def test_without_a_limit_nothing_watches(folder):
    before = threading.active_count()
    with Watchdog(folder, 0.0) as watchdog:
        assert threading.active_count() == before
        watchdog.beats_in(lambda row: None)({"epoch": 1})


def test_a_trial_that_hangs_in_a_library_is_said_to_be_outside_the_project(folder, exits):
    with Watchdog(folder, 0.1):
        assert exits.get() == TIMED_OUT
    assert folder.done()["error"].endswith("(--row-timeout): hung outside this project")


def test_the_option_row_timeout_is_in_minutes(tmp_path):
    assert parser("", PRESETS).parse_args(["--row-timeout", "1.5"]).row_timeout == 1.5
    assert parser("", PRESETS).parse_args([]).row_timeout == ROW_TIMEOUT
    for text in ("0", "-1", "inf", "nan"):
        with pytest.raises(UsageError, match="--row-timeout"):
            parser("", PRESETS).parse_args(["--row-timeout", text])


@pytest.mark.cluster
def test_one_trial_hangs_and_the_other_is_done(study):
    """One checkpoint is a pipe without a writer, like a file system that never answers."""
    words = [*TINY, "--m-z", 1]
    keys = [
        row["key"] for row in json.loads(study.run(*words, "--dry-run", "--json").stdout)["trials"]
    ]
    pipe = study.results / "trials" / keys[0] / "checkpoint.pt"
    pipe.parent.mkdir(parents=True)
    os.mkfifo(pipe)
    run = study.run(*words, "--row-timeout", 0.5)
    assert run.returncode == 3, run.stdout + run.stderr
    reason = "no epoch within 30 s (--row-timeout): hung in _read (scaling/storage/checkpoints.py"
    assert f"Failed: {keys[0]}: {reason}" in run.stderr
    assert "1 trials did not finish" in run.stdout
    states = [study.results / "trials" / key / "done.json" for key in keys]
    assert [json.loads(path.read_text())["state"] for path in states] == ["failed", "done"]
    log = (study.results / "double_descent" / "logs" / "ray.log").read_text()
    assert log.count(f"Trial task failed for trial {keys[0]}") == 1  # the trial is not tried again
