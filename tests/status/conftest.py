"""Writes a study as a launch leaves it: done, begun, failed and waiting trials, and its notes."""

import os
import socket
from typing import Any

import pytest

from scaling.status.activity import Activity, Notes
from scaling.status.listed import listed
from scaling.storage import lock as locks
from scaling.storage.files import write_json
from scaling.storage.store import Store
from scaling.trial import VaeTrial, grid, key

TRIAL = VaeTrial("digits", n_c=2)
EPOCHS = 40


class Study:
    """Writes a study of 2 x 3 cells and two seeds into a results folder."""

    def __init__(self, root, trials=None):
        self.root, self.store = root, Store(root)
        trials = trials or grid(TRIAL, m_z=[1, 4], n_c=[2, 8, 32], seed=[0, 1])
        self.trials = {key(trial): trial for trial in trials}
        self.epochs = dict.fromkeys(self.trials, EPOCHS)
        for name, trial in self.trials.items():
            (root / "trials").mkdir(parents=True, exist_ok=True)
            self.store.folder(name).create(trial)
        requested = {name: {"epochs": EPOCHS} for name in self.trials}
        self.store.update_study("s", lambda s: s | {"preset": "digits", "trials": requested})

    @property
    def keys(self):
        return list(self.trials)

    def reach(self, name, *epochs):
        for epoch in epochs:
            self.store.folder(name).append_row({"epoch": epoch, "test_elbo": -1.0})

    def finish(self, name):
        self.reach(name, 20, EPOCHS)
        self.store.folder(name).finish(EPOCHS)

    def plan(self, launch="x"):
        rows: Any = [{"key": name, "hours": 0.5, "memory_bytes": 7} for name in self.trials]
        notes = Notes(self.store.study("s"), launch)
        notes.plan(listed(self.trials, self.epochs).values(), {"trials": rows}, width=2)
        return notes

    def launch(self, **activity):
        """Writes a lock as if this process were launching the study."""
        holder = {"id": "x", "host": socket.gethostname(), "pid": os.getpid(), "beat": "1"}
        holder |= {"started": locks._started(os.getpid()), **locks._place()}
        write_json(self.root / "launch.lock", holder)
        self.plan().now(Activity(**activity), at_once=True)


@pytest.fixture
def study(tmp_path):
    return Study(tmp_path / "results")
