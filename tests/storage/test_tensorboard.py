"""TensorBoard events, read back from the files."""

from dataclasses import replace

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from scaling.runs.execute import Job, execute
from scaling.storage.store import Store
from scaling.storage.tensorboard import write_mean, write_rows
from scaling.trial import headline, key


def read(folder):
    accumulator = EventAccumulator(str(folder), size_guidance={"images": 0, "scalars": 0})
    accumulator.Reload()
    return accumulator


@pytest.fixture
def run(tmp_path, trial, tiny):
    folder = Store(tmp_path).folder(key(trial))
    folder.create(trial)
    job = Job(3, 1, tmp_path / "tensorboard")
    seen = []

    def report(row):
        seen.append(read(job.tensorboard / folder.key))

    execute(folder, tiny, job, report)
    return folder, seen, read(job.tensorboard / folder.key)


def test_scalars_have_our_names_and_values(run):
    folder, _, events = run
    assert {"test_elbo", "train_elbo", "generalization_gap"} <= set(events.Tags()["scalars"])
    assert not [tag for tag in events.Tags()["scalars"] if "/" in tag]
    found = [(event.step, event.value) for event in events.Scalars("test_elbo")]
    expected = [(row["epoch"], row["test_elbo"]) for row in folder.rows()]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_hparams_stand_from_the_first_epoch_on(run):
    _, seen, _ = run
    data = seen[0].SummaryMetadata("_hparams_/session_start_info")
    assert data.plugin_data.plugin_name == "hparams"
    assert b"n_c" in data.plugin_data.content
    assert b"normal" in data.plugin_data.content
    assert [event.step for event in seen[0].Scalars("test_elbo")] == [1]


def test_hparams_show_what_was_searched_and_what_chooses(tmp_path, trial, tiny):
    tried = replace(trial, lr=0.00503, weight_decay=0.01, partition="disjoint")
    write_rows(tmp_path / "run", headline(tried), [{"epoch": 1, "validation_elbo": -3.0}])
    events = read(tmp_path / "run")
    start = HParamsPluginData.FromString(
        events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    ).session_start_info
    assert {start.hparams[name].number_value for name in ("lr", "weight_decay")} == {0.00503, 0.01}
    experiment = HParamsPluginData.FromString(
        events.SummaryMetadata("_hparams_/experiment").plugin_data.content
    ).experiment
    assert "validation_elbo" in [info.name.tag for info in experiment.metric_infos]
    assert [event.value for event in events.Scalars("validation_elbo")] == [-3.0]


def test_reconstructions_are_pictures(run):
    _, _, events = run
    (image,) = events.Images("test_images_over_reconstructions")
    assert (image.height, image.width) == (2 * 8 * 4, 16 * 8 * 4)


def test_a_resumed_curve_does_not_go_back(tmp_path, trial, tiny):
    folder = Store(tmp_path).folder(key(trial))
    folder.create(trial)
    for epochs in (2, 4):
        execute(folder, tiny, Job(epochs, 1, tmp_path / "tensorboard"), lambda row: None)
    events = read(tmp_path / "tensorboard" / folder.key)
    assert [event.step for event in events.Scalars("test_elbo")] == [1, 2, 3, 4]


def test_the_mean_over_seeds(tmp_path):
    runs = [
        [{"epoch": 1, "test_elbo": -10.0}, {"epoch": 2, "test_elbo": -8.0}],
        [{"epoch": 1, "test_elbo": -12.0}, {"epoch": 2, "test_elbo": -7.0}, {"epoch": 3}],
    ]
    write_mean(tmp_path / "mean", runs)
    found = [(e.step, e.value) for e in read(tmp_path / "mean").Scalars("test_elbo")]
    assert found == [(1, -11.0), (2, -7.5)]
