"""How far trials are at the start of a launch, as their folders say, and how many run at a time."""

from types import SimpleNamespace
from typing import Any

import pytest

from scaling.cluster.display import _seen, width_of
from scaling.cluster.tuner import Placement
from scaling.status.status import glance
from scaling.storage.store import Store
from scaling.trial import key
from scaling.trial.placement import Cluster
from scaling.trial.schedule import Planned, schedule

EPOCHS = 4


@pytest.mark.parametrize("reached", [0, 2, 4])
def test_a_finished_trial_is_not_read_again_and_others_are(trial, tmp_path, reached):
    store = Store(tmp_path)
    (item,) = schedule([trial], EPOCHS, 2, None)
    folder = store.folder(key(trial))
    folder.create(trial)
    for epoch in range(2, reached + 1, 2):
        folder.append_row({"epoch": epoch, "test_elbo": -1.0})
    if reached == EPOCHS:
        folder.finish(EPOCHS, rows=[2, 4])
    planned = Planned(item, folder.state(EPOCHS), 0.0, 0.0)
    expected = glance(folder, EPOCHS)
    if reached == EPOCHS:  # gone: it was read for the plan
        (folder.path / "rows.jsonl").unlink()
    request: Any = SimpleNamespace(store=store)
    assert _seen(request, planned) == expected


@pytest.mark.parametrize(("share", "expected"), [(0.6, 2), (0.5, 4), (0.25, 6), (2.0, 1), (0.0, 6)])
def test_the_trials_that_run_at_a_time_are_those_that_fit_each_gpu(share, expected):
    keys = [str(n) for n in range(6)]
    request: Any = SimpleNamespace(left=dict.fromkeys(keys), cpus=1.0)
    cluster = Cluster.of_nodes(((8.0, 2.0),))
    assert width_of(request, cluster, Placement(1.0, dict.fromkeys(keys, share))) == expected
