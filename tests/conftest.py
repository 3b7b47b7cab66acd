"""Small data and trials that the tests share."""

import fcntl
import os
import tempfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

from scaling.data.datasets import Dataset, load, split
from scaling.trial import VaeTrial

os.environ["RAY_worker_niceness"] = "0"  # 15 by default: beside other tests they would starve
WITH_RAY = ("tests/cluster/", "tests/faults/")
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


class RayByTest(LoadScopeScheduling):
    """A file's tests run in turn; those that start a Ray may be long, and are shared out singly."""

    def _split_scope(self, nodeid):
        return nodeid if nodeid.startswith(WITH_RAY) else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config, log):
    return RayByTest(config, log)


def pytest_collection_modifyitems(items):
    """What takes longest comes first, beside the rest."""
    items.sort(key=lambda item: not item.nodeid.startswith(WITH_RAY))


@pytest.fixture(autouse=True)
def rays(request, tmp_path_factory):
    """Tests that start a Ray may run side by side; one that looks for a Ray runs without them."""
    marker = request.node.get_closest_marker("cluster")
    if marker is None:
        yield
        return
    with (tmp_path_factory.getbasetemp().parent / "rays.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX if marker.kwargs.get("alone") else fcntl.LOCK_SH)
        yield


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """As trials run: the same sums in the same order."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def digits() -> Dataset:
    return load("digits")


@pytest.fixture(scope="session")
def tiny(digits) -> Dataset:
    """45 training and 50 test images: batches of 20, 20 and 5."""
    part = split(digits, 45, 0)
    return replace(part, test=part.test[:50], test_labels=part.test_labels[:50], official_test=True)


@pytest.fixture
def ray_folder():
    """Ray's temporary folder of this test alone; its sockets allow 107 bytes of path."""
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        yield folder


@pytest.fixture
def trial() -> VaeTrial:
    return VaeTrial("digits", n_c=2, mixtures=2, lr=3e-3, batch=20, train_size=45)


def timeless(row):
    """The row without what depends on the clock."""
    return {name: value for name, value in row.items() if name not in ("seconds", "images_per_s")}


def assert_same_state(left, right):
    """Two state dicts bit for bit."""
    assert left.keys() == right.keys()
    for name in left:
        if isinstance(left[name], dict):
            assert_same_state(left[name], right[name])
        else:
            np.testing.assert_array_equal(left[name], right[name])
