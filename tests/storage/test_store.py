"""The results folder: its trials and studies, their states, and the time that trials took."""

import json
from dataclasses import replace
from functools import partial

import pytest

from scaling.errors import UsageError
from scaling.storage.files import write_json
from scaling.storage.store import Ran, Store
from scaling.trial import DiffusionTrial, VaeTrial, key
from scaling.trial.schedule import Scheduled

TRIAL = VaeTrial("digits", n_c=2)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def finished(store, trial, epoch=4, seconds=3.0, **facts):
    folder = store.folder(key(trial))
    folder.create(trial)
    folder.append_row({"epoch": epoch, "seconds": seconds})
    folder.finish(epoch, **facts)


def test_the_studies_that_request_a_trial_are_found(tmp_path):
    store = Store(tmp_path)
    for name, keys in (("b", ["x", "y"]), ("a", ["y"]), ("c", ["z"])):
        store.update_study(name, partial(dict, trials=dict.fromkeys(keys)))
    assert [path.name for path in store.studies_of({"y"})] == ["a", "b"]
    assert store.studies_of(set()) == []


def test_an_unwritable_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="--results"):
        Store(tmp_path / "file" / "results").check_writable()


def test_a_writable_folder_is_made_and_left_empty(tmp_path):
    Store(tmp_path / "new" / "results").check_writable()
    assert [p.name for p in (tmp_path / "new" / "results").rglob("*")] == ["trials"]


def test_each_trial_has_its_state(store):
    trials = [replace(TRIAL, seed=seed) for seed in range(3)]
    finished(store, trials[0])
    store.folder(key(trials[1])).create(trials[1])
    store.folder(key(trials[1])).append_row({"epoch": 1})
    found = store.states([Scheduled(trial, 4, 2) for trial in trials])
    assert list(found.values()) == ["done", "partial", "new"]
    assert store.states([Scheduled(trials[0], 5, 2)]) == {key(trials[0]): "partial"}


def test_vaes_are_listed_without_other_kinds(store):
    model = DiffusionTrial("digits")
    for trial in (replace(TRIAL, n_c=9), TRIAL, model):
        store.folder(key(trial)).create(trial)
    copied = store.folder("copied")
    copied.create(TRIAL)
    assert store.vaes() == [TRIAL, replace(TRIAL, n_c=9)]


def test_the_times_of_finished_trials_are_those_on_the_same_kind_of_device(store):
    finished(store, TRIAL, 4, 3.0, device="cuda:0")
    finished(store, replace(TRIAL, seed=1), 8, 5.0, device="cpu")
    finished(store, replace(TRIAL, seed=2), 8, 5.0)
    failed = replace(TRIAL, seed=3)
    store.folder(key(failed)).create(failed)
    store.folder(key(failed)).fail("broken", device="cpu")
    assert store.finished("cuda") == {key(TRIAL): Ran(TRIAL, 4, 3.0)}
    assert [ran.epochs for ran in store.finished("cpu").values()] == [8]


@pytest.mark.parametrize(("facts", "model", "shared"), [
    ({"gpu": ["0", 0.25], "hardware": "NVIDIA H200"}, "NVIDIA H200", True),
    ({"gpu": ["0", 1.0], "hardware": "NVIDIA H200"}, "NVIDIA H200", False),
    ({}, "", False), ({"gpu": 3, "hardware": 5}, "", False), ({"gpu": ["0", "x"]}, "", False),
])  # fmt: skip
def test_a_finished_trial_has_its_hardware_and_whether_it_shared_it(store, facts, model, shared):
    finished(store, TRIAL, device="cuda", **facts)
    (ran,) = store.finished("cuda").values()
    assert (ran.hardware, ran.shared) == (model, shared)


def test_only_some_replicates_of_each_trial_are_read(store, monkeypatch):
    """They are spread over all replicates, whose numbers are at the end of the keys."""
    monkeypatch.setattr("scaling.storage.store.ENOUGH", 3)
    many = [replace(TRIAL, replicate=i) for i in range(12)]
    for trial in [*many, replace(TRIAL, m_z=4), replace(TRIAL, m_z=4, seed=1)]:
        finished(store, trial, device="cpu")
    found = [ran.trial for ran in store.finished("cpu").values()]
    assert 3 <= sum(trial in many for trial in found) <= 4
    assert sum(trial.m_z == 4 for trial in found) == 2


def test_replicates_that_have_not_ended_do_not_replace_those_that_have(store, monkeypatch):
    monkeypatch.setattr("scaling.storage.store.ENOUGH", 3)
    many = sorted((replace(TRIAL, replicate=i) for i in range(9)), key=key)
    for number, trial in enumerate(many):
        store.folder(key(trial)).create(trial)
        if number % 3 == 1:  # every third of all keys, from the first on, has not ended
            finished(store, trial, device="cpu")
    assert len(store.finished("cpu")) == 3


def test_an_empty_results_folder_has_no_finished_trials(tmp_path):
    assert Store(tmp_path).finished("cpu") == {}


@pytest.mark.parametrize(("record", "images"), [
    ({"chunks": [{}, {}, {}], "images_per_chunk": 20}, 60),
    ({"chunks": [], "images_per_chunk": 20}, 0),
    ({"chunks": [{}]}, 0),
    ({"chunks": 3, "images_per_chunk": 20}, 0),
    (None, 0),
])  # fmt: skip
def test_the_images_of_a_pool_are_those_of_its_finished_chunks(store, record, images):
    store.pool("p").mkdir(parents=True)
    if record is not None:
        write_json(store.pool("p") / "pool.json", record)
    assert store.sampled("p") == images


def test_an_update_gets_the_study_as_it_is_on_disk(store):
    store.update_study("s", lambda study: study | {"launches": [*study["launches"], {"n": 1}]})
    store.update_study("s", lambda study: study | {"launches": [*study["launches"], {"n": 2}]})
    seen = []
    store.update_study("s", lambda study: seen.append(study) or study)
    assert {"study": "s", "launches": [{"n": 1}, {"n": 2}]} in seen


def test_a_study_that_vanished_while_it_ran_is_not_made_again(tmp_path):
    store = Store(tmp_path)
    with pytest.raises(FileNotFoundError, match="study.json"):
        store.update_study("study", lambda study: study, begun=True)
    assert not store.study("study").exists()
    store.update_study("study", lambda study: study)
    store.update_study("study", lambda study: study | {"preset": "digits"}, begun=True)
    assert json.loads((store.study("study") / "study.json").read_text())["preset"] == "digits"
