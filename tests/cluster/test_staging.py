"""The temporary folder of Tune: one per launch, removed afterwards, and old ones too."""

from types import SimpleNamespace
from typing import Any

import pytest

from scaling.cluster.staging import staged
from scaling.storage.store import Store


@pytest.fixture
def request_(tmp_path) -> Any:
    store = Store(tmp_path)
    store.study("mixtures").mkdir()
    return SimpleNamespace(store=store, folder=store.study("mixtures"))


def test_tunes_files_are_removed_and_all_others_stay(request_):
    kept = request_.folder / "study.json"
    kept.write_text("{}")
    with staged(request_) as path:
        path.mkdir()
        (path / "trial").write_text("state")
        assert path.parent == request_.folder and path.name.startswith(".staging-")
    assert list(request_.folder.iterdir()) == [kept]


def test_tunes_files_are_removed_after_an_error(request_):
    with pytest.raises(RuntimeError), staged(request_) as path:
        path.mkdir()
        raise RuntimeError
    assert not request_.folder.exists()  # nothing else was in it


def test_folders_of_killed_launches_of_any_study_are_removed_first(request_, tmp_path):
    for study in ("mixtures", "downstream"):
        (tmp_path / study / ".staging-123" / "tuner-1").mkdir(parents=True)
    with staged(request_) as path:
        assert not list(tmp_path.glob("*/.staging-123"))
        assert not path.exists()  # Tune makes it


def test_a_launch_that_wrote_nothing_ends_without_error(request_):
    with staged(request_) as path:
        assert not path.exists()
    assert not request_.folder.exists()


def test_a_folder_that_vanished_meanwhile_is_not_left_as_tune_makes_it_again(request_, tmp_path):
    (request_.folder / "study.json").write_text("{}")
    with staged(request_) as path:
        request_.folder.rename(tmp_path / "elsewhere")
        (path / "tuner-1").mkdir(parents=True)
    assert not request_.folder.exists()
