"""A trial goes on with the images that it began with, or is refused."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from scaling.checked import UsageError
from scaling.cluster.study import _check_same_data
from scaling.runs.vae import VaeRun
from scaling.store import Store
from scaling.trial import key


@pytest.fixture
def begun(trial, tiny, tmp_path):
    """A request for a trial that has a row, measured on `tiny`."""
    store = Store(tmp_path)
    folder = store.folder(key(trial))
    folder.create(trial)
    (row,) = VaeRun(trial, tiny, 1, 1)
    folder.append_row(row)
    return SimpleNamespace(store=store, hours={key(trial): 1.0}), key(trial)


def test_the_same_images_are_taken(begun, tiny):
    request, name = begun
    _check_same_data(request, name, tiny)
    _check_same_data(request, name, replace(tiny, train=tiny.train.copy()))


def test_other_images_are_refused_while_the_trial_is_to_run(begun, tiny):
    request, name = begun
    other = tiny.test.copy()
    other[0, 0, 0, 0] ^= 1
    with pytest.raises(UsageError, match=f"began on other images .*{tiny.fingerprint}"):
        _check_same_data(request, name, replace(tiny, test=other))
    finished = SimpleNamespace(store=request.store, hours={})
    _check_same_data(finished, name, replace(tiny, test=other))
