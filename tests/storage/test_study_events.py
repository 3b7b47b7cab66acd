"""A study in TensorBoard: which runs are in which folder, during the study and afterwards."""

import os
from dataclasses import replace

import pytest

from scaling.cli import outputs
from scaling.cli.outputs import find_path
from scaling.storage import run_places
from scaling.storage.store import Store
from scaling.storage.study_events import StudyEvents
from scaling.trial import DMAAPX, NORMAL, VaeTrial, grid
from scaling.trial.schedule import Scheduled
from tests.storage.test_tensorboard import experiment_of, hparams_of, read

BASE = VaeTrial("digits", mixtures=5, lr=3e-3, replicate=0)
EPOCHS, EVERY = 16, 4


def study_of(root, trials, **more):
    store = Store(root)
    scheduled = {s.key: s for s in (Scheduled(trial, EPOCHS, EVERY) for trial in trials)}
    for name, planned in scheduled.items():
        store.folder(name).create(planned.trial)
    (root / "study").mkdir(exist_ok=True)
    return StudyEvents(root / "study", store, scheduled, find_path=find_path, **more)


def train(events, key, epochs=EPOCHS):
    """Writes rows as a trial of this size might have: the wider it is, the lower the loss."""
    trial, folder = events.scheduled[key].trial, events.store.folder(key)
    for epoch in range(1, epochs + 1):
        if events.scheduled[key].is_measured(epoch):
            value = -100.0 + trial.n_c / 10 + trial.m_z + trial.replicate + epoch / 100
            row = {"epoch": epoch, "test_elbo": value, "generalization_gap": 1.0}
            folder.append_row(row | {"parameters": 100 * trial.n_c})
            events.row(key)
    if epochs == EPOCHS:
        events.end(key)


def runs(folder):
    return sorted({str(p.parent.relative_to(folder)) for p in folder.rglob(run_places.FILES)})


def path_trials():
    places = [(1, 2), (1, 4), (1, 8), (2, 8), (4, 8), (4, 16)]
    cells = [replace(BASE, m_z=m_z, n_c=n_c) for m_z, n_c in places]
    return grid(cells, replicate=[0, 1])


def test_means_are_written_while_trials_run(tmp_path):
    events = study_of(tmp_path, grid(BASE, n_c=[8], replicate=[0, 1]))
    first, second = events.scheduled
    events.begin()
    train(events, first, epochs=8)
    mean = tmp_path / "study" / "tensorboard" / "normal" / "mz01" / "nc008"
    begun = read(mean).Scalars("elbo/test_elbo")
    assert [event.step for event in begun] == [4, 8]
    train(events, second)
    now = {event.step: event.value for event in read(mean).Scalars("elbo/test_elbo")}
    assert now[8] == pytest.approx(-100 + 0.8 + 1 + 0.5 + 0.08)
    assert now[16] == pytest.approx(-100 + 0.8 + 1 + 1 + 0.16)


def test_the_folder_that_opens_first_has_every_cell_the_path_and_the_study(tmp_path):
    events = study_of(tmp_path, path_trials())
    events.begin()
    for key in events.scheduled:
        train(events, key)
    events.finish()
    opened = tmp_path / "study" / "tensorboard"
    assert runs(opened) == [
        *("normal/mz01/nc002", "normal/mz01/nc004", "normal/mz01/nc008"),
        *("normal/mz02/nc008", "normal/mz04/nc008", "normal/mz04/nc016"),
        *("path/normal", "study"),
    ]
    assert not (tmp_path / "study" / "tensorboard-means").exists()
    assert len(runs(tmp_path / "study" / "tensorboard-replicates")) == 12 + 1


def test_double_descent_is_a_curve_of_its_own(tmp_path):
    events = study_of(tmp_path, path_trials())
    for key in events.scheduled:
        train(events, key)
    events.finish()
    found = read(tmp_path / "study" / "tensorboard" / "path" / "normal")
    losses = [(e.step, e.value) for e in found.Scalars("double_descent/negative_test_elbo")]
    places = [(1, 2), (1, 4), (1, 8), (2, 8), (4, 8), (4, 16)]
    tail = (15 + 16) / 2 / 100
    expected = [100 - n_c / 10 - m_z - 0.5 - tail for m_z, n_c in places]
    assert losses == [(step, pytest.approx(value, abs=1e-4)) for step, value in enumerate(expected)]
    sizes = [event.value for event in found.Scalars("double_descent/parameters")]
    assert sizes == [200, 400, 800, 800, 800, 1600]


def test_no_more_runs_open_than_tensorboard_shows(tmp_path):
    trials = grid(BASE, m_z=[1, 2, 4, 8, 16, 32, 64], n_c=[4, 8, 16, 32, 64, 128, 256])
    events = study_of(tmp_path, trials)
    for key in events.scheduled:
        train(events, key)
    events.begin()
    events.finish()
    folder = tmp_path / "study"
    assert len(runs(folder / "tensorboard")) == run_places.ROOM
    assert len(runs(folder / "tensorboard-means")) == 49 + 1
    on_path = {f"normal/mz{m:02}/nc{n:03}" for m, n in events.places.paths["normal"]}
    assert on_path <= set(runs(folder / "tensorboard"))


def test_the_hparams_tab_has_the_fields_that_vary_and_the_final_metrics(tmp_path):
    dmaapx = replace(DMAAPX, k=2, pool="p")
    trials = grid(BASE, n_c=[8, 16], source=[NORMAL, dmaapx], replicate=[0, 1])
    events = study_of(tmp_path, trials)
    events.begin()
    for key in events.scheduled:
        train(events, key)
    events.finish()
    opened = tmp_path / "study" / "tensorboard"
    about = experiment_of(read(opened / "study"))
    names = {info.name: info.differs for info in about.hparam_infos}
    assert names.pop("replicates") is False
    assert all(names.values())
    assert {"n_c", "source", "parameters"} <= set(names)
    cell = read(opened / "normal" / "mz01" / "nc008")
    assert hparams_of(cell)["parameters"].number_value == 800
    assert {info.name.tag for info in about.metric_infos} & set(cell.Tags()["scalars"])


def test_hparams_of_single_trials_have_searched_fields_and_the_choosing_metric(tmp_path):
    tried = grid(replace(BASE, partition="disjoint"), lr=[0.001, 0.00503], weight_decay=[0.0, 0.01])
    events = study_of(tmp_path, tried)
    events.begin()
    for key in events.scheduled:
        events.store.folder(key).append_row({"epoch": 16, "validation_elbo": -3.0})
    events.finish()
    replicates = tmp_path / "study" / "tensorboard-replicates"
    about = experiment_of(read(replicates / "study"))
    differing = {info.name for info in about.hparam_infos if info.differs}
    assert differing == {"lr", "weight_decay"}
    last = read(events.place(next(iter(events.scheduled))).folder)
    assert hparams_of(last)["lr"].number_value == 0.001
    (chooses,) = {info.name.tag for info in about.metric_infos} & set(last.Tags()["scalars"])
    assert [event.value for event in last.Scalars(chooses)] == [-3.0]


def test_another_axis_renames_runs_and_leaves_none_behind(tmp_path):
    events = study_of(tmp_path, grid(BASE, n_c=[8], replicate=[0, 1]))
    for key in events.scheduled:
        train(events, key)
    events.finish()
    before = runs(tmp_path / "study" / "tensorboard-replicates")
    wider = study_of(tmp_path, grid(BASE, n_c=[8], replicate=[0, 1], lr=[0.001, 0.003]))
    wider.begin()
    wider.finish()
    folder = tmp_path / "study"
    cell = "normal/mz01/nc008/lr=0.003"
    assert runs(folder / "tensorboard") == [cell, "study"]
    after = runs(folder / "tensorboard-replicates")
    assert after == [name.replace("nc008/", "nc008/lr=0.003/") for name in before]


def test_event_files_of_older_versions_are_removed(tmp_path):
    events = study_of(tmp_path, [BASE])
    (key,) = events.scheduled
    for name in (key, f"mean-{key}"):
        old = tmp_path / "study" / "tensorboard" / name
        old.mkdir(parents=True)
        (old / "events.out.tfevents.1.host").write_bytes(b"")
    train(events, key)
    events.begin()
    assert runs(tmp_path / "study" / "tensorboard") == ["normal/mz01/nc256", "study"]


def test_replaced_event_files_are_removed_once_readers_have_moved_on(tmp_path):
    events = study_of(tmp_path, grid(BASE, n_c=[8], replicate=[0, 1]))
    for key in events.scheduled:
        train(events, key)
    mean = tmp_path / "study" / "tensorboard" / "normal" / "mz01" / "nc008"
    older = list(mean.glob(run_places.FILES))
    assert len(older) > 1
    for file in older:
        os.utime(file, (0, 0))
    before = read(mean).Scalars("elbo/test_elbo")
    events.finish()
    (file,) = mean.glob(run_places.FILES)
    assert file not in older
    assert [e.value for e in read(mean).Scalars("elbo/test_elbo")] == [e.value for e in before]


def test_the_table_is_mentioned_only_if_it_was_written(tmp_path):
    drawn, not_drawn = (outputs.places(tmp_path, drawn) for drawn in (True, False))
    assert drawn[1:] == not_drawn and "tensorboard" in not_drawn[0]
    assert drawn[0].startswith(f"table: {tmp_path / 'trials.parquet'}")


def test_empty_folders_are_removed_innermost_first_and_files_stay(tmp_path):
    for place in ("a/b/c", "kept/d"):
        (tmp_path / place).mkdir(parents=True)
    (tmp_path / "kept/file").touch()
    run_places._remove_empty(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "kept"]
