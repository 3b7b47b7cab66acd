"""Format versions of files: what this version writes, and how it reads others."""

import json
from functools import partial

import pytest

from scaling.errors import UsageError
from scaling.storage.formats import FORMAT
from scaling.storage.store import Store
from scaling.trial import VaeTrial, key, to_dict
from scaling.trial.schedule import Scheduled

TRIAL, OTHER = VaeTrial("digits", n_c=2), VaeTrial("digits", n_c=4)
FILES = ("trial.json", "done.json")
REFUSED = r"{} is of format 2, and the newest that this version reads is 1\. Install a newer"


def finished(store, trial):
    folder = store.folder(key(trial))
    folder.create(trial)
    folder.append_row({"epoch": 4, "seconds": 1.5})
    folder.finish(4, device="cpu")
    return folder


def with_format(path, value):
    """Rewrites the file with another format; None leaves the field out."""
    values = json.loads(path.read_text()) | {"format": value}
    path.write_text(json.dumps({n: v for n, v in values.items() if v is not None}))
    return path


@pytest.fixture
def store(tmp_path):
    """Makes two finished trials and the studies that request them."""
    store = Store(tmp_path)
    for name, trial in (("one", TRIAL), ("other", OTHER)):
        finished(store, trial)
        store.update_study(name, partial(dict, trials={key(trial): {}}))
    return store


def test_every_file_is_written_with_its_format(store):
    path = store.folder(key(TRIAL)).path
    for file in (*(path / name for name in FILES), store.root / "one" / "study.json"):
        assert json.loads(file.read_text())["format"] == FORMAT == 1
    assert store.folder(key(TRIAL)).trial() == TRIAL
    assert "format" not in to_dict(TRIAL)


def test_a_file_without_a_format_is_read_as_format_1(store):
    folder = store.folder(key(TRIAL))
    for name in FILES:
        with_format(folder.path / name, None)
    with_format(store.root / "one" / "study.json", None)
    assert folder.trial() == TRIAL
    assert folder.state(4) == "done"
    assert [path.name for path in store.studies_of({key(TRIAL)})] == ["one"]
    store.update_study("one", lambda study: study | {"preset": "digits"})
    study = json.loads((store.root / "one" / "study.json").read_text())
    assert (study["format"], study["preset"], list(study["trials"])) == (1, "digits", [key(TRIAL)])


@pytest.mark.parametrize("name", FILES)
def test_a_trial_of_a_newer_format_is_refused_if_it_is_requested(store, name):
    folder = store.folder(key(TRIAL))
    with_format(folder.path / name, 2)
    with pytest.raises(UsageError, match=REFUSED.format(name)):
        folder.state(4)
    with pytest.raises(UsageError, match=REFUSED.format(name)):
        store.states([Scheduled(TRIAL, 4, 4), Scheduled(OTHER, 4, 4)])
    before = {path: path.read_bytes() for path in folder.path.iterdir()}
    with pytest.raises(UsageError, match=REFUSED.format(name)):
        folder.create(TRIAL) if name == "trial.json" else folder.reopen()
    assert {path: path.read_bytes() for path in folder.path.iterdir()} == before


@pytest.mark.parametrize("name", FILES)
def test_a_trial_of_a_newer_format_blocks_no_other(store, name):
    with_format(store.folder(key(TRIAL)).path / name, 2)
    assert list(store.finished("cpu")) == [key(OTHER)]
    assert OTHER in store.vaes()
    assert (TRIAL in store.vaes()) == (name == "done.json")
    assert store.states([Scheduled(OTHER, 4, 4)]) == {key(OTHER): "done"}


def test_a_study_of_a_newer_format_is_neither_read_nor_rewritten(store):
    file = with_format(store.root / "one" / "study.json", 2)
    before = file.read_bytes()
    assert [path.name for path in store.studies_of({key(TRIAL), key(OTHER)})] == ["other"]
    with pytest.raises(UsageError, match=REFUSED.format("study.json")):
        store.update_study("one", lambda study: study)
    assert file.read_bytes() == before


@pytest.mark.parametrize("value", [2, "1", -1, True, 1.0, [1], {}])
def test_an_unknown_format_is_refused(store, value):
    folder = store.folder(key(TRIAL))
    with_format(folder.path / "trial.json", value)
    with pytest.raises(UsageError, match="is of format .*Install a newer version of scaling-vae"):
        folder.trial()


def test_a_removed_value_is_refused_naming_the_file(store):
    """An earlier version accepted `binarise=dynamic`, which no run ever read."""
    path = store.folder(key(TRIAL)).path / "trial.json"
    path.write_text(json.dumps(to_dict(VaeTrial("mnist")) | {"binarise": "dynamic"}))
    message = (
        "trial.json is not a trial of this version: binarise='dynamic' does not fit: threshold "
    )
    for asks in (store.folder(key(TRIAL)).trial, lambda: store.folder(key(TRIAL)).create(TRIAL)):
        with pytest.raises(UsageError, match=message) as error:
            asks()
        assert str(error.value).endswith("Use the version that made it, or move that folder away.")
    assert store.vaes() == [OTHER]
    assert list(store.finished("cpu")) == [key(OTHER)]
