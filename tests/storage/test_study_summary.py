"""The run that describes a study: its texts, its figures and the table of means."""

import pytest
from PIL import Image

from scaling.storage.trial_folder import TrialFolder
from scaling.trial import grid
from tests.storage.test_study_events import BASE, EPOCHS, path_trials, study_of, train
from tests.storage.test_tensorboard import read


def text_of(folder, title):
    """Returns a text of the study, None if it is not there."""
    found = read(folder / "tensorboard" / "study")
    if f"study/{title}" not in found.Tags()["tensors"]:
        return None
    return found.Tensors(f"study/{title}")[-1].tensor_proto.string_val[0].decode()


def test_texts_and_figures_are_in_the_run_of_the_study(tmp_path):
    about = {"command": "    scaling-vae study double_descent"}
    events = study_of(tmp_path, path_trials(), about=about)
    events.begin()
    picture = tmp_path / "fig8.png"
    Image.new("RGB", (30, 20)).save(picture)
    train(events, next(iter(events.scheduled)))
    events.summary({"found": "    double descent: holds"}, {"fig8": picture.read_bytes()})
    folder = tmp_path / "study"
    found = read(folder / "tensorboard" / "study")
    assert text_of(folder, "command") == about["command"]
    assert "holds" in text_of(folder, "found")
    assert "normal/mz01/nc002" in text_of(folder, "means")
    (image,) = found.Images("figures/fig8")
    assert (image.width, image.height) == (30, 20)
    assert "custom_scalars__config__" in found.Tags()["tensors"]


def test_the_table_of_means_follows_the_trials(tmp_path, monkeypatch):
    """It is absent from the first description, grows with trials, and has later columns too."""
    events = study_of(tmp_path, grid(BASE, n_c=[8], replicate=[0, 1]), about={"command": "    x"})
    folder, (first, second) = tmp_path / "study", events.scheduled
    events.describe()
    assert (text_of(folder, "command"), text_of(folder, "means")) == ("    x", None)
    train(events, first)
    assert "(1)" in text_of(folder, "means")
    train(events, second)
    events.summary({}, {})
    assert "(2)" in text_of(folder, "means")
    for key in events.scheduled:  # as a costly metric does: no callback knows of it
        events.store.folder(key).merge_row(EPOCHS, {"amortization_gap": 3.0})
    events.finish()
    assert "amortization_gap" in text_of(folder, "means")
    with monkeypatch.context() as patched:  # of thousands of trials this takes long
        patched.setattr(TrialFolder, "rows", lambda self: pytest.fail("rows are read again"))
        events.summary({}, {})
    assert "amortization_gap" in text_of(folder, "means")
