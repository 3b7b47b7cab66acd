"""Workers that do not see the results folder: their files arrive there, complete and in order."""

import numpy as np
import pytest

from scaling.errors import Unfinished
from scaling.runs.execute import Job, execute
from scaling.storage import checkpoints, file_server, mirrored
from scaling.storage.file_server import FileServer, Superseded
from scaling.storage.lock import Fence
from scaling.storage.mirrored import MirroredFolder, for_training
from scaling.storage.store import Store
from scaling.trial import key
from tests.conftest import assert_same_state, timeless


@pytest.fixture
def home(tmp_path, trial):
    folder = Store(tmp_path / "home").folder(key(trial))
    folder.create(trial)
    return folder


@pytest.fixture
def files(tmp_path, home):
    return FileServer(tmp_path / "home")


def attempt(files, home, into, fence=None):
    """Returns a folder elsewhere in which an attempt at the trial begins."""
    place = f"trials/{home.key}"
    path = into / home.key
    uploader = mirrored.begin(files, place, place, path, for_training, fence)
    return MirroredFolder(path, uploader)


def train(folder, data, epochs, **options):
    execute(folder, data, Job(epochs, 1, **options), lambda row: None)


def assert_same_content(left, right):
    """Asserts that rows, checkpoints and arrays of two folders agree, except for times."""
    assert [timeless(row) for row in left.rows()] == [timeless(row) for row in right.rows()]
    for mine, other in zip(left.load_checkpoints(), right.load_checkpoints(), strict=True):
        assert_same_state(mine["vae"], other["vae"])
        assert (mine["epoch"], mine["rows"]) == (other["epoch"], other["rows"])
    with np.load(left.path / "arrays.npz") as mine, np.load(right.path / "arrays.npz") as other:
        assert_same_state(dict(mine), dict(other))


def test_a_trial_elsewhere_leaves_the_same_files_as_one_in_the_results_folder(
    tmp_path, home, files, digits, trial
):
    away = attempt(files, home, tmp_path / "away")
    train(away, digits, 4, kept_epochs=(2, 3))
    control = Store(tmp_path / "control").folder(key(trial))
    control.create(trial)
    train(control, digits, 4, kept_epochs=(2, 3))
    assert_same_content(home, control)
    assert home.state(4) == "done"
    assert checkpoints.kept_epochs(home.path) == [2, 3]
    assert checkpoints.kept_epochs(away.path) == []
    assert {p.name for p in home.path.iterdir()} == {p.name for p in control.path.iterdir()}


def test_another_host_continues_from_the_files_that_arrived(
    tmp_path, home, files, digits, monkeypatch
):
    monkeypatch.setattr("scaling.runs.saver.CHECKPOINT_SHARE", 1e9)
    train(attempt(files, home, tmp_path / "first"), digits, 2)
    (home.path / "done.json").unlink()
    second = attempt(files, home, tmp_path / "second")
    begun = []
    execute(second, digits, Job(4, 1), lambda row: begun.append(row["epoch"]))
    assert begun == [3, 4]
    assert [row["epoch"] for row in home.rows()] == [1, 2, 3, 4]


def test_a_late_attempt_changes_nothing(tmp_path, home, files, digits):
    """Every write of an attempt is refused once a later attempt has begun."""
    late = attempt(files, home, tmp_path / "late")
    train(late, digits, 2)
    newer = attempt(files, home, tmp_path / "newer")
    train(newer, digits, 4)
    before = {path.name: path.read_bytes() for path in home.path.iterdir()}
    state = next(late.load_checkpoints())
    for write in (
        lambda: late.append_row({"epoch": 9}),
        lambda: late.cut_rows(1),
        lambda: late.merge_row(1, {"x": 1.0}),
        lambda: late.merge_arrays({"x": np.zeros(1)}),
        lambda: late.save_checkpoint(state | {"epoch": 9}),
        lambda: late.keep_model(state),
        lambda: late.finish(9),
        lambda: late.fail("late"),
    ):
        with pytest.raises(Superseded):
            write()
    assert {path.name: path.read_bytes() for path in home.path.iterdir()} == before


def test_a_restarted_server_still_refuses_the_earlier_attempt(tmp_path, home, files):
    late = attempt(files, home, tmp_path / "late")
    newer = attempt(files, home, tmp_path / "newer")
    again = FileServer(tmp_path / "home")
    for folder in (late, newer):
        object.__setattr__(folder.uploader, "files", again)
    newer.append_row({"epoch": 1})
    with pytest.raises(Superseded):
        late.append_row({"epoch": 2})
    assert [row["epoch"] for row in home.rows()] == [1]


def test_a_file_is_sent_in_parts_and_arrives_whole_or_not_at_all(
    tmp_path, home, files, monkeypatch
):
    for module in (file_server, mirrored):
        monkeypatch.setattr(module, "PART_BYTES", 7)
    away = attempt(files, home, tmp_path / "away")
    assert away.trial() == home.trial()  # was sent in parts
    away.append_row({"epoch": 1})
    written, take = [], files.write

    def breaks(stamp, place, name, start, part, size):
        written.append(start)
        if len(written) == 3:
            raise OSError("the connection broke")
        take(stamp, place, name, start, part, size)

    files.write = breaks
    with pytest.raises(OSError, match="broke"):
        away.append_row({"epoch": 2})
    assert [row["epoch"] for row in home.rows()] == [1]
    away.append_row({"epoch": 3})
    assert [row["epoch"] for row in home.rows()] == [1, 2, 3]
    assert not [path for path in home.path.iterdir() if path.name.endswith(".coming")]


def test_an_overtaken_write_is_dropped(tmp_path, home, files):
    """A call that timed out may still be executed, after the one that followed it."""
    away = attempt(files, home, tmp_path / "away")
    sent, take = [], files.write
    files.write = lambda *words: sent.append(words) or take(*words)
    away.append_row({"epoch": 1})
    away.append_row({"epoch": 2})
    take(*sent[0])
    assert [row["epoch"] for row in home.rows()] == [1, 2]


def test_nothing_is_written_after_the_lock_was_lost(tmp_path, home, files):
    lock = tmp_path / "home" / "launch.lock"
    lock.write_text('{"id": "ours"}')
    away = attempt(files, home, tmp_path / "away", Fence(lock, "ours"))
    away.append_row({"epoch": 1})
    lock.write_text('{"id": "another"}')
    with pytest.raises(Unfinished):
        away.append_row({"epoch": 2})
    assert [row["epoch"] for row in home.rows()] == [1]


@pytest.mark.parametrize("place", ["..", "../other", "/etc", "trials/../.."])
def test_a_place_outside_of_the_results_is_refused(files, place):
    with pytest.raises(ValueError, match="is not in"):
        files.read(place, "passwd", 0)


def test_scratch_folders_of_killed_processes_are_removed(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with mirrored.scratch() as first:
        with mirrored.scratch() as second:
            assert first.is_dir() and second.is_dir() and first != second
        left = first.with_name("at-left")
        left.mkdir()
        (left / ".lock").touch()
        with mirrored.scratch():
            assert first.is_dir() and not left.exists()
    assert list(first.parent.iterdir()) == []
