"""What fits into the object store: the plan and the launch give the same answer."""

import shutil
from types import SimpleNamespace

import pytest
import ray

from scaling.cluster import connect
from scaling.planning import pool_rows
from scaling.planning.costs import CPU_CORE
from scaling.planning.speeds import Speeds
from scaling.pools import room
from scaling.trial import DMAAPX, DiffusionTrial, VaeTrial
from scaling.trial.schedule import Diffusion, schedule

GB = 10**9


@pytest.mark.parametrize(("memory", "shared", "store"), [
    (100 * GB, 1000 * GB, 30 * GB),  # Ray's share of the memory
    (100 * GB, 20 * GB, 19 * GB),  # as much as shared memory holds
    (100 * GB, 64_000_000, 10 * GB),  # little shared memory: files, up to this size
    (2000 * GB, 2000 * GB, 200 * GB),
])  # fmt: skip
def test_the_size_of_the_store_is_rays_default(monkeypatch, memory, shared, store):
    monkeypatch.setattr(room, "memory_bytes", lambda: memory)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=shared))
    monkeypatch.setattr(room, "SHM", SimpleNamespace(is_dir=lambda: True))
    assert room.local_store_bytes() == store


def test_a_local_ray_is_started_with_the_size_that_the_plan_assumes(monkeypatch):
    started = {}
    monkeypatch.setattr(connect, "local_store_bytes", lambda: 12345)
    monkeypatch.setattr(ray, "init", lambda **options: started.update(options))
    connect._start(3)
    assert started["object_store_memory"] == 12345
    assert started["num_cpus"] == 3
    assert started["address"] == "local"


@pytest.mark.parametrize("spare", [0, -1])
def test_a_plan_counts_the_data_sets_and_the_pools(monkeypatch, spare):
    """The pool has 2 x 300 images of 64 bytes; digits has 1,797 images whatever D_train is."""
    diffusion = Diffusion(DiffusionTrial("digits", train_size=300), 10, k=2)
    scheduled = schedule([VaeTrial("digits", train_size=300, source=DMAAPX)], 10, 5, diffusion)
    (pool,) = pool_rows.pool_rows(scheduled, Speeds(CPU_CORE), lambda name: 0, 0)
    assert pool.bytes == 2 * 300 * 64
    needed = pool.bytes + pool_rows._data_bytes(scheduled)
    assert needed > pool.bytes
    store = -(-(needed + spare) * 10 // 6)
    monkeypatch.setattr(pool_rows, "local_store_bytes", lambda: store + (spare if spare else 0))
    (again,) = pool_rows.pool_rows(scheduled, Speeds(CPU_CORE), lambda name: 0, 0)
    assert again.fits is (spare == 0)
