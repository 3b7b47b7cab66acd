"""Provides the small pool that the tests of pools read, damage and grow."""

import pytest

from tests.small_pool import build


@pytest.fixture
def root(tmp_path):
    return tmp_path / "pools"


@pytest.fixture
def path(root):
    """Provides a pool of three chunks."""
    build(root / "p", 3)
    return root / "p"
