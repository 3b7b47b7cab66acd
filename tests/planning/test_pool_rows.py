"""Pools in a plan: one row each, as large as the trial that reads most of it needs."""

from dataclasses import replace

import pytest

from scaling.planning import pool_rows as module
from scaling.planning.costs import CPU_CORE, GPU
from scaling.planning.plan import make
from scaling.planning.pool_rows import pool_rows
from scaling.planning.speeds import Speeds
from scaling.trial import DMAAPX, DiffusionTrial, VaeTrial, grid
from scaling.trial.schedule import Diffusion, Scheduled, schedule

MODEL = DiffusionTrial("digits", train_size=300, channels=8)
BASE = VaeTrial("digits", train_size=300, source=DMAAPX)
CPU = Speeds(CPU_CORE)
CHUNK = 300 * 64  # bytes


def rows(trials, sampled=lambda name: 0, pool_k=0, known=CPU):
    return pool_rows(schedule(trials, 10, 5, Diffusion(MODEL, 10, k=4)), known, sampled, pool_k)


def test_a_pool_has_as_many_images_as_any_reader_needs():
    trials = [replace(BASE, source=replace(DMAAPX, k=k)) for k in (2, 7, 3)]
    (row,) = rows(trials)
    assert (row.k, row.bytes, row.left_bytes) == (7, 7 * CHUNK, 7 * CHUNK)


def test_each_replicate_reads_a_pool_of_its_own_and_seeds_share_one():
    assert len(rows(grid(BASE, replicate=[0, 1, 2]))) == 3
    assert len(rows(grid(BASE, seed=[0, 1, 2]))) == 1


@pytest.mark.parametrize(("there", "left"), [(0, 4), (300, 3), (1200, 0), (9000, 0)])
def test_only_missing_images_are_sampled(there, left):
    (whole,) = rows([BASE])
    (row,) = rows([BASE], lambda name: there)
    assert row.bytes == 4 * CHUNK and row.left_bytes == left * CHUNK
    assert row.hours == pytest.approx(whole.hours * left / 4, rel=0.05)


def test_an_imported_pool_takes_no_hours():
    imported = replace(BASE, source=replace(DMAAPX, pool="mine", k=3))
    (row,) = pool_rows([Scheduled(imported, 10, 5)], CPU, lambda name: 0, 0)
    assert (row.pool, row.k, row.left_bytes, row.hours, row.gpus) == ("mine", 3, 0, 0, 0)


def test_finished_trials_need_no_pool():
    """A launch samples for the trials that are left only: pools may be deleted afterwards."""
    few, many = grid(BASE, **{"source.k": [2, 4]})
    scheduled = schedule([few, many], 10, 5, Diffusion(MODEL, 10, k=4))
    states = dict.fromkeys([item.key for item in scheduled], "done")
    plans = [make(scheduled, Speeds(CPU_CORE), states | left) for left in (
        {}, {scheduled[1].key: "partial"}, {scheduled[1].key: "new", scheduled[2].key: "new"},
        {scheduled[2].key: "failed"},
    )]  # fmt: skip
    left = [[pool.left_bytes // CHUNK for pool in plan.pools] for plan in plans]
    assert left == [[0], [2], [4], [0]]
    assert [plan.total.hours > 0 for plan in plans] == [False, True, True, False]


def test_a_pool_without_readers_is_sampled_if_requested():
    alone = [Scheduled(MODEL, 10, 5)]
    assert pool_rows(alone, CPU, lambda name: 0, 0) == []
    (row,) = pool_rows(alone, CPU, lambda name: 0, 3)
    assert (row.k, row.pool) == (3, alone[0].pool)


def test_all_pools_and_data_sets_must_fit_together(monkeypatch):
    trials = grid(BASE, replicate=[0, 1])
    need = 2 * 4 * CHUNK + 1797 * 64
    asked = []
    monkeypatch.setattr(module, "fits", lambda size, store: asked.append(size) or False)
    assert [row.fits for row in rows(trials)] == [False, False]
    assert set(asked) == {need}


def test_the_share_of_a_gpu_is_the_models_and_its_hours_count_once():
    (row,) = rows([BASE], known=Speeds(GPU))
    assert 0 < row.gpus <= 1
    assert row.gpu_hours == pytest.approx(row.hours)
    slower = Speeds(GPU, {MODEL.architecture: 3.0}, 1)
    (again,) = rows([BASE], known=slower)
    assert again.hours == pytest.approx(3 * row.hours)
    assert row.to_dict()["gpus"] == row.gpus
