"""The profile of a launch: how much of its time was training, measuring and other work."""

import json
import time
from dataclasses import replace

import numpy as np
import pytest

from scaling.cluster.profile import Profile
from scaling.runs.execute import Job, execute
from scaling.storage.contents import StudyFile
from scaling.storage.files import read_json
from scaling.storage.provenance import LaunchEntry
from scaling.storage.store import Store
from scaling.trial import key
from tests.narrow import not_none


def trained(root, trial, data, epochs):
    folder = Store(root).folder(key(trial))
    folder.create(trial)
    execute(folder, data, Job(epochs, 1), lambda row: None)
    return folder


def test_training_time_is_the_growth_of_the_rows_seconds(tmp_path, trial, tiny):
    folder = trained(tmp_path, trial, tiny, 2)
    before = folder.rows()[-1]["seconds"]
    other = replace(trial, seed=1)
    profile = Profile(Store(tmp_path), [key(trial), key(other)])
    profile.width = 2
    with profile.part("trials"):
        trained(tmp_path, trial, tiny, 4)
        new = trained(tmp_path, other, tiny, 3)
    with profile.part("figures"):
        time.sleep(0.05)
    entry = profile.entry()
    grown = folder.rows()[-1]["seconds"] - before + new.rows()[-1]["seconds"]
    assert entry["training"] == pytest.approx(grown, abs=0.006)
    assert entry["outside_training"] == pytest.approx(1 - grown / (2 * entry["wall"]), abs=1e-3)
    assert 0.05 <= entry["parts"]["figures"] < entry["parts"]["trials"] + entry["parts"]["figures"]
    assert sum(entry["parts"].values()) <= entry["wall"] + 0.05
    assert entry["measuring"] > 0
    measuring = entry["measuring"] / (2 * entry["wall"])
    assert entry["overhead"] == pytest.approx(entry["outside_training"] - measuring, abs=0.005)


def test_a_trial_records_training_and_measuring_separately(tmp_path, trial, tiny):
    done = trained(tmp_path, trial, tiny, 3).done()
    span = done["span"][1] - done["span"][0]
    assert done["profile"]["training"] == pytest.approx(
        Store(tmp_path).folder(key(trial)).rows()[-1]["seconds"], abs=0.001
    )
    assert 0 < done["profile"]["measuring"]
    assert sum(done["profile"].values()) <= span


def test_a_trial_records_its_memory_and_a_launch_its_retries(tmp_path, trial, tiny):
    np.ones(2_000_000_000, np.uint8)  # before the trial, so no part of its peak
    done = trained(tmp_path, trial, tiny, 1).done()
    assert 5e7 < done["peak_bytes"] < 2e9
    profile = Profile(Store(tmp_path), [])
    assert "retried" not in profile.entry()
    profile.retried = {"k": 2}
    assert profile.entry()["retried"] == {"k": 2}


def test_a_launch_without_trials_has_no_share(tmp_path):
    entry = Profile(Store(tmp_path), []).entry()
    assert entry["training"] == 0
    assert "outside_training" not in entry
    launches: list[LaunchEntry] = [{"argv": ["first"]}, {"argv": ["second"]}]
    study: StudyFile = {"launches": launches, "study": "any"}
    changed = Profile(Store(tmp_path), []).into(study)
    assert changed["launches"][0] == {"argv": ["first"]}
    assert changed["launches"][1]["profile"]["wall"] > 0
    assert "profile" not in study["launches"][1]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError("the disk is full")])
def test_an_interrupted_launch_has_a_profile(tmp_path, error):
    store = Store(tmp_path)
    store.update_study("study", lambda study: study | {"launches": [{"argv": ["first"]}]})
    profile = Profile(store, [])
    with pytest.raises((KeyboardInterrupt, OSError)), profile.kept("study"):
        raise error  # before study.json has an entry for this launch
    assert not_none(read_json(tmp_path / "study" / "study.json"))["launches"] == [
        {"argv": ["first"]}
    ]
    profile.entered = True
    with pytest.raises((KeyboardInterrupt, OSError)), profile.kept("study"):
        raise error
    (launch,) = json.loads((tmp_path / "study" / "study.json").read_text())["launches"]
    assert launch["profile"]["wall"] > 0


def test_of_two_errors_the_first_is_raised(tmp_path):
    profile = Profile(Store(tmp_path / "gone"), [])
    profile.entered = True
    with pytest.raises(KeyboardInterrupt), profile.kept("study"):
        raise KeyboardInterrupt
    with pytest.raises(FileNotFoundError), profile.kept("study"):
        pass
    assert not (tmp_path / "gone").exists()
