"""TensorBoard events of one trial, read back from their files."""

import io

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from scaling.runs.execute import Job, execute
from scaling.storage.store import Store
from scaling.storage.tensorboard import GROUPS, Events, EventsPlace, strip, tag_of
from scaling.trial import key
from tests.conftest import timeless


def read(folder):
    accumulator = EventAccumulator(str(folder), size_guidance={"images": 0, "scalars": 0})
    accumulator.Reload()
    return accumulator


def hparams_of(events):
    content = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    return HParamsPluginData.FromString(content).session_start_info.hparams


def experiment_of(events):
    content = events.SummaryMetadata("_hparams_/experiment").plugin_data.content
    return HParamsPluginData.FromString(content).experiment


@pytest.fixture
def run(tmp_path, trial, tiny):
    folder = Store(tmp_path).folder(key(trial))
    folder.create(trial)
    place = EventsPlace(tmp_path / "tensorboard" / "run", {"n_c": trial.n_c, "source": "normal"})
    seen = []

    def report(row):
        seen.append(read(place.folder))

    execute(folder, tiny, Job(10, 1, place), report)
    return folder, seen, read(place.folder)


def test_scalars_are_the_rows_in_groups(run):
    folder, _, events = run
    tags = events.Tags()["scalars"]
    assert {"elbo/test_elbo", "gap/generalization_gap", "speed/images_per_s"} <= set(tags)
    for tag in tags:
        found = [(event.step, event.value) for event in events.Scalars(tag)]
        expected = [(row["epoch"], row[tag.partition("/")[2]]) for row in folder.rows()]
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_every_column_has_one_group():
    assert tag_of("test_kl") == "kl/test_kl"
    assert tag_of("train_reconstruction") == "elbo/train_reconstruction"
    assert tag_of("accuracy_knn__fog") == "representation/accuracy_knn__fog"
    assert tag_of("my_own") == "other/my_own"
    assert tag_of("loss", "diffusion") == "model_diffusion/loss"


def test_the_elbo_is_the_first_group_of_tags():
    """TensorBoard sorts groups by name, and opens the first ones."""
    kinds = [("loss", "diffusion"), ("accuracy", "two_sample"), ("train_kl", "vae")]
    tags = [tag_of(name, kind) for name, kind in (*kinds, ("my_own", "vae"))]
    assert min([*tags, *(f"{group}/x" for group in GROUPS)]) == "elbo/x"


def test_hparams_are_there_from_the_first_epoch_on(run):
    _, seen, _ = run
    values = hparams_of(seen[0])
    assert values["n_c"].number_value == 2
    assert values["source"].string_value == "normal"
    assert [event.step for event in seen[0].Scalars("elbo/test_elbo")] == [1]


def test_pictures_are_taken_in_each_fifth_of_a_run(run):
    _, _, events = run
    for tag in ("images/test_images", "images/reconstructions"):
        assert [event.step for event in events.Images(tag)] == [1, 3, 5, 7, 9, 10]
        image = events.Images(tag)[0]
        assert (image.height, image.width) == (8 * 4 + 4, 16 * (8 * 4 + 4))


def test_a_strip_holds_the_pictures_with_white_between():
    levels = np.array([[[[0, 16], [8, 4]]], [[[16, 16], [16, 16]]]], np.uint8)
    pixels = np.asarray(Image.open(io.BytesIO(strip(levels, 17)))).astype(int)
    assert pixels.shape == (36, 72)
    assert (pixels[:2] == 255).all()
    assert (pixels[:, :2] == 255).all()
    assert (pixels[:, 34:38] == 255).all()
    picture = pixels[2:34, 2:34]
    np.testing.assert_array_equal(picture[::16, ::16], [[0, 255], [128, 64]])


def test_writing_events_changes_no_number(run, tmp_path, trial, tiny):
    folder, _, _ = run
    silent = Store(tmp_path / "silent").folder(key(trial))
    silent.create(trial)
    execute(silent, tiny, Job(10, 1), lambda row: None)
    assert [*map(timeless, silent.rows())] == [*map(timeless, folder.rows())]


def test_a_resumed_curve_does_not_go_back(tmp_path, trial, tiny):
    folder = Store(tmp_path).folder(key(trial))
    folder.create(trial)
    place = EventsPlace(tmp_path / "run")
    for epochs in (2, 4):
        execute(folder, tiny, Job(epochs, 1, place), lambda row: None)
    events = read(tmp_path / "run")
    assert [event.step for event in events.Scalars("elbo/test_elbo")] == [1, 2, 3, 4]


@pytest.mark.parametrize("home", ["tensorboard", "tensorboard-means", "tensorboard-replicates"])
def test_a_study_that_vanished_is_not_made_again(tmp_path, home):
    study = tmp_path / "tensorboard" / "results" / "study"  # the user's folder has that name, too
    (tmp_path / "tensorboard").mkdir()
    run = study / home / "normal" / "mz01"
    with pytest.raises(FileNotFoundError, match="results/study"):
        Events(run)
    assert not study.parent.exists()
    study.mkdir(parents=True)
    with Events(run) as events:
        assert events.path.parent == run


def test_events_beyond_the_checkpoint_of_a_killed_process_are_replaced(tmp_path):
    with Events(tmp_path) as killed:
        for epoch in (1, 2, 3):
            killed.row({"epoch": epoch, "test_elbo": -1.0})
    with open(killed.path, "ab") as torn:
        torn.write(b"\x18\0\0\0\0\0\0\0half a rec")
    with Events(tmp_path, epoch=1) as again:
        again.row({"epoch": 2, "test_elbo": -2.0})
    found = [(event.step, event.value) for event in read(tmp_path).Scalars("elbo/test_elbo")]
    assert found == [(1, -1.0), (2, -2.0)]


def test_scalars_have_descriptions(tmp_path):
    with Events(tmp_path, meanings={"test_elbo": "nats"}) as events:
        events.row({"epoch": 1, "test_elbo": -1.0})
    assert read(tmp_path).SummaryMetadata("elbo/test_elbo").summary_description == "nats"
