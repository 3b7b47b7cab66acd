"""Lines about a pool's sampling: not too frequent, and with the time left."""

import time
from types import SimpleNamespace
from typing import Any

from scaling.cluster.sampling_progress import PoolRequest, SamplingProgress
from scaling.pools.build import create, write_chunk
from scaling.storage.store import Store
from scaling.trial import DiffusionTrial
from tests.small_pool import SPEC, chunk_of


def test_progress_shows_the_time_left(tmp_path, monkeypatch):
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(time, "monotonic", lambda: clock.now)
    path, order = Store(tmp_path).pool("p"), PoolRequest(SPEC, DiffusionTrial("digits"), k=3)
    lines: list[Any] = []
    create(path, SPEC)
    shown = SamplingProgress(path, order, lines.append)
    clock.now = 20.0
    shown.show()  # nothing new, and not long ago
    assert lines == []
    write_chunk(path, 0, chunk_of(0))
    clock.now = 120.0
    shown.show()
    assert lines == ["pool p: 20 of 60 images sampled, about 4 min left"]
    clock.now = 130.0
    write_chunk(path, 1, chunk_of(1))
    shown.show()
    assert len(lines) == 1  # too soon
    clock.now = 430.0
    shown.show()
    assert len(lines) == 2
