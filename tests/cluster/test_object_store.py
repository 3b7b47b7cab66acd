"""Pools for trials: in the object store if every node has room, otherwise in files."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from ray.exceptions import GetTimeoutError, ObjectLostError, OwnerDiedError

from scaling.cluster import object_store
from scaling.cluster.object_store import Chunks, put_pools
from scaling.pools.pool import Pool
from scaling.pools.room import STORE_SHARE
from tests.small_pool import build, chunk_of


@pytest.fixture
def pool(tmp_path):
    build(tmp_path / "pools" / "p", 3)
    return Pool.open(tmp_path / "pools" / "p", tmp_path / "pools")


@pytest.fixture
def store(monkeypatch):
    """Makes a Ray that keeps what is put, on nodes with object stores of these sizes."""
    made = SimpleNamespace(kept={}, sizes=[1e9, 1e9], dead=[], lost=None)

    def nodes():
        living = [{"Alive": True, "Resources": {"object_store_memory": n}} for n in made.sizes]
        return living + [{"Alive": False, "Resources": {}} for _ in made.dead]

    def put(array):
        made.kept[len(made.kept)] = array
        return len(made.kept) - 1

    def get(ref, timeout):
        if made.lost:
            raise made.lost
        return made.kept[ref]

    monkeypatch.setattr(object_store, "ray", SimpleNamespace(nodes=nodes, put=put, get=get))
    return made


def test_only_chunks_that_are_read_are_put_into_the_store(pool, store):
    lines: list[Any] = []
    chunks = put_pools({"p": pool}, {"p": 2}, 0, lines.append)["p"]
    assert len(chunks.refs) == len(store.kept) == 2 and not lines
    assert chunks.checksums == {0: pool.chunks[0], 1: pool.chunks[1]}
    for index in range(2):
        np.testing.assert_array_equal(chunks.read(index), chunk_of(index))


@pytest.mark.parametrize(("spare", "in_store"), [(1, True), (-1, False)])
def test_pools_and_data_must_fit_the_smallest_living_node(pool, store, spare, in_store):
    need = 3 * pool.chunk_bytes + 5000
    lines: list[Any] = []
    store.sizes = [1e12, need / STORE_SHARE + spare]
    store.dead = [1]
    chunks = put_pools({"p": pool}, {"p": 3}, 5000, lines.append)["p"]
    assert bool(chunks.refs) is in_store
    assert bool(lines) is not in_store and all("do not fit" in line for line in lines)
    np.testing.assert_array_equal(chunks.read(2), chunk_of(2))


@pytest.mark.parametrize("error", [
    GetTimeoutError("late"), OwnerDiedError("0" * 40, b"owner", "call"),
    ObjectLostError("0" * 40, b"owner", "call"),
])  # fmt: skip
def test_a_chunk_that_the_store_has_lost_is_read_from_its_file(pool, store, error):
    chunks = put_pools({"p": pool}, {"p": 3}, 0)["p"]
    store.lost = error
    np.testing.assert_array_equal(chunks.read(1), chunk_of(1))


def test_another_error_of_the_store_is_raised(pool, store):
    chunks = put_pools({"p": pool}, {"p": 3}, 0)["p"]
    store.lost = RuntimeError("a fault")
    with pytest.raises(RuntimeError, match="a fault"):
        chunks.read(1)


def test_files_are_read_without_ray(pool):
    chunks = Chunks(pool.path, pool.root, pool.chunks)
    np.testing.assert_array_equal(chunks.read(0), chunk_of(0))
