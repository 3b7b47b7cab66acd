"""Provides small data and trials for all tests, and schedules tests that start Ray."""

import fcntl
import io
import os
import signal
import tempfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

from scaling.data.datasets import Dataset, load, split
from scaling.runs.vae import VaeRun
from scaling.storage.store import Store
from scaling.trial import VaeTrial, key

# A shell ignores SIGINT for its background jobs, and children inherit that; tests interrupt them.
signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ["RAY_worker_niceness"] = "0"  # the default 15 starves workers during other tests
WITH_RAY = ("tests/cluster/", "tests/faults/")
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


class RayByTest(LoadScopeScheduling):
    """Runs a file's tests in one process, but distributes long tests that start a Ray singly."""

    def _split_scope(self, nodeid):
        return nodeid if nodeid.startswith(WITH_RAY) else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config, log):
    return RayByTest(config, log)


def pytest_collection_modifyitems(items):
    """Moves the tests that take longest to the front."""
    items.sort(key=lambda item: not item.nodeid.startswith(WITH_RAY))


@pytest.fixture(autouse=True)
def rays(request, tmp_path_factory):
    """Lets tests that start a Ray run in parallel, but one that looks for a Ray run alone."""
    marker = request.node.get_closest_marker("cluster")
    if marker is None:
        yield
        return
    with (tmp_path_factory.getbasetemp().parent / "rays.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX if marker.kwargs.get("alone") else fcntl.LOCK_SH)
        yield


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Restricts PyTorch to one thread, as in trials, so that sums have the same order."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def digits() -> Dataset:
    return load("digits")


@pytest.fixture(scope="session")
def tiny(digits) -> Dataset:
    """Provides 45 training and 50 test images, for batches of 20, 20 and 5."""
    part = split(digits, 45, 0)
    return replace(part, test=part.test[:50], test_labels=part.test_labels[:50], official_test=True)


@pytest.fixture
def ray_folder():
    """Provides Ray's temporary folder for one test; its path is short, as sockets require."""
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        yield folder


@pytest.fixture
def trial() -> VaeTrial:
    return VaeTrial("digits", n_c=2, mixtures=2, lr=3e-3, batch=20, train_size=45)


@pytest.fixture
def begun(trial, tiny, tmp_path):
    """Makes the folder of a trial with one row, measured on `tiny`."""
    folder = Store(tmp_path).folder(key(trial))
    folder.create(trial)
    (row,) = VaeRun(trial, tiny, 1, 1)
    folder.append_row(row)
    return folder


@pytest.fixture
def other_images(tiny) -> Dataset:
    """Provides `tiny` with one pixel of a test image changed."""
    images = tiny.test.copy()
    images[0, 0, 0, 0] ^= 1
    return replace(tiny, test=images)


def timeless(row):
    """Returns the row without the columns that depend on the clock."""
    return {name: value for name, value in row.items() if name not in ("seconds", "images_per_s")}


def reload(state):
    """Saves and loads a state as a checkpoint does."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


def assert_same_state(left, right):
    """Asserts that two state dicts are equal bit for bit."""
    assert left.keys() == right.keys()
    for name in left:
        if isinstance(left[name], dict):
            assert_same_state(left[name], right[name])
        else:
            np.testing.assert_array_equal(left[name], right[name])
