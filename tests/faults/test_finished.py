"""A launch over many finished trials trains only the new ones."""

import pytest

from scaling.storage.store import Store
from scaling.trial import key
from tests.faults import finished
from tests.faults.many import PRESET, trials

pytestmark = [pytest.mark.cluster, pytest.mark.faults, pytest.mark.slow, pytest.mark.timeout(6000)]


def test_a_launch_over_finished_trials_trains_only_the_new_ones(ray_folder, monkeypatch, tmp_path):
    monkeypatch.setenv("RAY_TMPDIR", ray_folder)
    seen = finished.measure(tmp_path / "results", 60)
    assert {"start_seconds", "launch_seconds"} <= seen.keys()
    store = Store(tmp_path / "results")
    every = trials(PRESET, 60 + finished.NEW)
    made_up = [store.folder(key(trial)).done() for trial in every[:60]]
    assert all(done and done["span"] == [1.0, 2.0] for done in made_up)  # as before
