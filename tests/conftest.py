"""Small data and trials that the tests share."""

import os
import tempfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from xdist.scheduler import LoadScopeScheduling

from scaling.data.datasets import Dataset, load, split
from scaling.trial import VaeTrial

os.environ["RAY_worker_niceness"] = "0"  # 15 by default: beside other tests they would starve
WITH_RAY = (
    "tests/cluster/",
    "tests/faults/",
    "tests/test_cli.py",
    "tests/test_doctor.py",
    "tests/test_security.py",
)


class RayInTurn(LoadScopeScheduling):
    """What starts or looks for a Ray runs in turn: `auto` would find that of another test.

    Under `pytest -m faults` nothing looks for one that it did not start.
    """

    def _split_scope(self, nodeid):
        if not nodeid.startswith(WITH_RAY):
            return nodeid.partition("::")[0]
        return nodeid if self.config.getoption("markexpr") == "faults" else "ray"


def pytest_xdist_make_scheduler(config, log):
    return RayInTurn(config, log)


def pytest_collection_modifyitems(items):
    """What takes longest comes first, beside the rest."""
    items.sort(key=lambda item: not item.nodeid.startswith(WITH_RAY))


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
