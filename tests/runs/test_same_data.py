"""A trial continues with the images that it began with, or is refused."""

from dataclasses import replace

import pytest

from scaling.data.partition import divided
from scaling.errors import UsageError
from scaling.runs.execute import Job, execute
from scaling.runs.same_data import check_same_data
from scaling.storage.store import Store
from scaling.trial import key


def test_the_same_images_are_accepted(begun, tiny):
    check_same_data(begun, tiny)
    check_same_data(begun, replace(tiny, train=tiny.train.copy()))


def test_other_images_are_refused(begun, tiny, other_images):
    with pytest.raises(UsageError, match=f"on other images .*{tiny.fingerprint}.* --data-root"):
        check_same_data(begun, other_images)
    with pytest.raises(UsageError, match="Put the earlier file back, or give another --results"):
        check_same_data(begun, replace(other_images, name="photos.npz"))


@pytest.mark.parametrize("rows_lost", [False, True])
def test_a_checkpoint_without_a_row_is_not_continued_on_other_images(
    rows_lost, trial, tiny, other_images, tmp_path, monkeypatch
):
    folder = Store(tmp_path).folder(key(trial))
    folder.create(trial)
    if rows_lost:
        execute(folder, tiny, Job(2, 1), lambda row: None)
        (folder.path / "rows.jsonl").unlink()
    else:
        monkeypatch.setattr("scaling.runs.saver.BETWEEN_SECONDS", 0)
        monkeypatch.setattr("scaling.runs.saver.CHECKPOINT_SHARE", 1e9)
        with pytest.raises(KeyboardInterrupt):  # at the first row, after a checkpoint between rows
            execute(folder, tiny, Job(4, 4), _interrupt)
        (folder.path / "rows.jsonl").unlink(missing_ok=True)
    assert next(folder.load_checkpoints())["epoch"]
    began_on = divided(tiny, trial.part).fingerprint
    with pytest.raises(UsageError, match=f"on other images .*{began_on}"):
        execute(folder, other_images, Job(4, 1), lambda row: None)
    execute(folder, tiny, Job(4, 1), lambda row: None)
    assert folder.reached() == 4


def _interrupt(row):
    raise KeyboardInterrupt


def test_a_run_without_ray_is_not_continued_on_other_images(trial, tiny, other_images, tmp_path):
    folder = Store(tmp_path).folder(key(trial))
    folder.create(trial)
    execute(folder, tiny, Job(2, 1), lambda row: None)
    rows = folder.rows()
    with pytest.raises(UsageError, match="began on other images"):
        execute(folder, other_images, Job(4, 1), lambda row: None)
    assert folder.rows() == rows
    execute(folder, tiny, Job(3, 1), lambda row: None)
    assert folder.reached() == 3
